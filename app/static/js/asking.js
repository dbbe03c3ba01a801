// A dialog asks once more before a button acts. Escape, or the other button, changes nothing; the browser gives the focus back.
export function startAsking() {
  for (const form of document.querySelectorAll("[data-asks]")) {
    const dialog = form.querySelector("dialog");
    form.querySelector("[data-ask]").addEventListener("click", (event) => {
      event.preventDefault();
      dialog.showModal();
    });
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  }
}
