// What scrolls sideways can be reached by keyboard.
document.addEventListener("DOMContentLoaded", () => {
  for (const one of document.querySelectorAll("pre, mjx-container, .pst-scrollable-table-container"))
    if (!one.hasAttribute("tabindex")) one.setAttribute("tabindex", "0");
});
