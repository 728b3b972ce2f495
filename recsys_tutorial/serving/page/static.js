// Answers from the table that came with this page: nothing is sent anywhere.
"use strict";

window.backend = (() => {
  const table = window.TABLE;
  const engine = window.makeEngine(table);
  return {
    async about() {
      return { name: table.name, planted: table.planted, scale: table.scale, predicts: table.predicts, text: table.text };
    },
    async search(text, k) {
      return engine.find(text, k);
    },
    async recommend(ratings, k) {
      return engine.recommend(ratings, k);
    },
  };
})();
