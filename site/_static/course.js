// A formula wider than the page scrolls in its place; then the keyboard must reach it, as the theme does it for code.
function reachFormulas() {
  for (const formula of document.querySelectorAll('mjx-container[display="true"]')) {
    if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
    else formula.removeAttribute("tabindex");
  }
}

window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  reachFormulas();
  window.addEventListener("resize", reachFormulas);
});
