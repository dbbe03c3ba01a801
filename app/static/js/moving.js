// While a list is being read or brought in, the page says how far it is, and is loaded anew once that is done.
const PAUSE = 1500;
const TRIES = 400;
// The words are taken out of the answer by hand: no page of ours may make elements of a text.
const SAID = /data-moving>\s*<p role="status">([^<]*)<\/p>/;

for (let tries = 0; tries < TRIES; tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
  try {
    const answer = await fetch(location.href);
    const said = (await answer.text()).match(SAID);
    if (said === null) {
      location.reload();
      break;
    }
    const status = document.querySelector("[data-moving] [role=status]");
    if (status.textContent !== said[1]) status.textContent = said[1];
  } catch {
    // The line is down for a moment: the next try may get through, and the link is still there.
  }
}
