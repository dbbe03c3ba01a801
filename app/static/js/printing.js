// A button that prints the page, where there is something to print with.
export function startPrinting() {
  for (const place of document.querySelectorAll("[data-print]")) {
    place.hidden = false;
    place.querySelector("button").addEventListener("click", () => print());
  }
}
