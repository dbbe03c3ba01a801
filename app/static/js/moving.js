// While a list is being read or brought in, the page says how far it is, and is loaded anew once that is done.
const PAUSE = 1500;
const TRIES = 400;

for (let tries = 0; tries < TRIES; tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
  try {
    const answer = await fetch(location.href);
    const sheet = new DOMParser().parseFromString(await answer.text(), "text/html");
    const place = sheet.querySelector("[data-moving] [role=status]");
    if (place === null) {
      location.reload();
      break;
    }
    const status = document.querySelector("[data-moving] [role=status]");
    if (status.textContent !== place.textContent) status.textContent = place.textContent;
  } catch {
    // The line is down for a moment: the next try may get through, and the link is still there.
  }
}
