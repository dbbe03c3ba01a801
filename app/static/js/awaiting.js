// While a document is being made, the page looks again by itself, and is loaded anew as soon as nothing is awaited any more.
const PAUSE = 2000;
const TRIES = 30;

export async function startAwaiting() {
  const place = document.querySelector("[data-awaiting]");
  if (!place) return;
  for (let tries = 0; tries < TRIES; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    try {
      const answer = await fetch(location.href);
      if (answer.ok && !(await answer.text()).includes("data-awaiting")) {
        location.reload();
        return;
      }
    } catch {
      // The line is down for a moment: the next try may get through, and the link is still there.
    }
  }
  place.querySelector("[role=status]").textContent = "The PDF takes longer than usual. Look again in a few minutes.";
}
