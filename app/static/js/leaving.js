// Quick exit: the page is blank and replaced at once, and the sign-out goes on behind it. Escape, three times, does the same.
const PRESSES = 3;
const WITHIN = 2000;

export function startLeaving() {
  const forms = document.querySelectorAll("[data-quick-exit]");
  if (forms.length === 0) return;
  for (const form of forms) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      leave(form);
    });
  }
  for (const note of document.querySelectorAll("[data-escape-note]")) note.hidden = false;
  let presses = [];
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.repeat) return;
    presses = [...presses.filter((at) => event.timeStamp - at < WITHIN), event.timeStamp];
    if (presses.length >= PRESSES) leave(forms[0]);
  });
}

function leave(form) {
  document.body.hidden = true;
  document.title = "Page closed";
  // Without an answer to wait for: the request outlives the page.
  fetch(form.action, { method: "POST", body: new FormData(form), keepalive: true, redirect: "manual" }).catch(() => {});
  location.replace(form.dataset.quickExit);
}
