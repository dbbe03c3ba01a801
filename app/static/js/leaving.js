// Quick exit: the page is blank and replaced at once, and the sign-out, if there is one, goes on behind it. Escape, three times,
// does the same.
const PRESSES = 3;
const WITHIN = 2000;

export function startLeaving() {
  const exits = document.querySelectorAll("[data-quick-exit]");
  if (exits.length === 0) return;
  for (const exit of exits) {
    exit.addEventListener(exit.matches("form") ? "submit" : "click", (event) => {
      event.preventDefault();
      leave(exit);
    });
  }
  for (const note of document.querySelectorAll("[data-escape-note]")) note.hidden = false;
  let presses = [];
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.repeat) return;
    presses = [...presses.filter((at) => event.timeStamp - at < WITHIN), event.timeStamp];
    if (presses.length >= PRESSES) leave(exits[0]);
  });
}

function leave(exit) {
  document.body.hidden = true;
  document.title = "Page closed";
  if (exit.matches("form")) {
    // Without an answer to wait for: the request outlives the page.
    fetch(exit.action, { method: "POST", body: new FormData(exit), keepalive: true, redirect: "manual" }).catch(() => {});
  }
  location.replace(exit.dataset.quickExit);
}
