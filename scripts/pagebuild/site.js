// What the theme leaves out for people who do not see, or do not use a mouse.
document.addEventListener("DOMContentLoaded", () => {
  const each = (what, change) => document.querySelectorAll(what).forEach(change);
  // what scrolls sideways can be reached by keyboard
  each("pre, mjx-container, .pst-scrollable-table-container", one => {
    if (!one.hasAttribute("tabindex")) one.setAttribute("tabindex", "0");
  });
  each("div.wide", (one, n) => one.setAttribute("aria-label", `Table ${n + 1}`));
  each("summary", one => {
    const link = one.closest("li")?.querySelector("a");
    if (!one.textContent.trim() && link)
      one.setAttribute("aria-label", `Contents of ${link.textContent.trim()}`);
  });
  each(".sidebar-primary-item:has(.navbar-brand)", one => {
    one.setAttribute("role", "region");
    one.setAttribute("aria-label", "Name of the site");
  });
  each("th", one => {
    if (one.textContent.trim()) return;
    one.replaceWith(document.createElement("td"));  // an empty head is nothing to read out
  });
});
