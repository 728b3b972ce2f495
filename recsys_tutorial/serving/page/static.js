// Answers from the tables that came with this page: nothing is sent anywhere.
"use strict";

window.backend = (() => {
  const table = window.TABLE;
  const engine = table && window.makeEngine(table);

  return {
    async about() {
      if (!table) throw new Error("table.js, the model of this page, is damaged: build the site again.");
      return table;
    },
    search: async (text, k) => engine.find(text, k),
    recommend: async (ratings, k) => engine.recommend(ratings, k),
  };
})();
