// While a payment is being confirmed, the page asks again by itself and shows the truth as soon as there is one.
const FIRST_WAIT = 400;
const LONGEST_WAIT = 8000;
const TRIES = 12;

export async function startConfirming() {
  const place = document.querySelector("[data-confirming]");
  if (!place) return;
  const form = place.querySelector("form");
  let wait = FIRST_WAIT;
  for (let tries = 0; tries < TRIES; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, LONGEST_WAIT);
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
      const isStillWaiting = new URL(answer.url).searchParams.get("returned") === "paid";
      if (answer.ok && !isStillWaiting) {
        location.replace(answer.url);
        return;
      }
    } catch {
      // The line is down for a moment: the next try may get through, and the button is still there.
    }
  }
}
