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

  const post = (path, content, signal) =>
    ask(path, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content), signal,
    });

  return {
    about: async () => (await ask("card")).page,
    search: async (text, k, signal) => (await ask(`search?${new URLSearchParams({ q: text, k })}`, { signal })).items,
    recommend: async (ratings, k, signal) => (await post("recommend", { ratings, k }, signal)).recommendations,
    keep: async (ratings) => (await post("keep", { ratings })).kept,
  };
})();
