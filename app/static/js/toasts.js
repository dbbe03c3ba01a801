// A short message about something that just worked, said to screen readers too, and gone after a while.
const STAYS = 6000;

export function toast(text) {
  const message = document.createElement("p");
  message.className = "toast";
  message.textContent = text;
  document.querySelector("[data-toasts]").append(message);
  setTimeout(() => message.remove(), STAYS);
}
