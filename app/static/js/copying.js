// Copies a text where the browser lets a page do that, and says so.
import { toast } from "./toasts.js";

export function startCopying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        toast(button.dataset.done);
      } catch {
        toast("Your browser did not let us copy. Select the text and copy it yourself.");
      }
    });
  }
}
