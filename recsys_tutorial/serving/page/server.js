// Answers from the service that sent this page.
"use strict";

window.backend = (() => {
  async function ask(path, options) {
    let answer;
    try {
      answer = await fetch(path, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The service does not answer. Is it still running?");
    }
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(content.detail || `The service answered ${answer.status}.`);
    return content;
  }

  return {
    async about() {
      const card = await ask("card");
      return {
        name: card.data.name,
        planted: card.data.planted,
        scale: card.data.scale,
        predicts: card.model.predicts,
        text: `${card.model.class}, trained on ${card.data.ratings.toLocaleString("en")} ratings ` +
          `of ${card.n_items.toLocaleString("en")} films (${card.data.name}).`,
      };
    },
    async search(text, k, signal) {
      const query = new URLSearchParams({ q: text, k });
      return (await ask(`search?${query}`, { signal })).items;
    },
    async recommend(ratings, k, signal) {
      const body = JSON.stringify({ ratings, k });
      const headers = { "content-type": "application/json" };
      return (await ask("recommend", { method: "POST", headers, body, signal })).recommendations;
    },
  };
})();
