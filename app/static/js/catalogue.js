// The catalogue narrows while one types or chooses. The server says what is found, and the address always says what was asked.
const PAUSE = 120;
const PAUSE_BEFORE_SPEAKING = 700;

export function startCatalogue() {
  const place = document.querySelector("[data-catalogue]");
  const form = place?.querySelector("form");
  if (!form) return;
  const grid = place.querySelector("[data-cards]");
  const said = place.querySelector("[data-said]");
  const cards = new Map([...grid.children].map((card) => [card.dataset.slug, card]));
  const chips = [...place.querySelectorAll("[data-category]")];
  let category = new URLSearchParams(location.search).get("category") ?? "";
  let request = new AbortController();
  let timer = 0;
  let speaking = 0;
  highlight(grid, form.elements.q.value);

  form.addEventListener("input", (event) => {
    // A word grows by letters, and each of them is no step to go back to.
    if (event.target === form.elements.q) soon(() => history.replaceState(null, "", address()));
  });
  form.addEventListener("change", (event) => {
    if (event.target !== form.elements.q) step();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    step();
  });
  for (const chip of chips) {
    chip.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      category = chip.dataset.category;
      step();
    });
  }
  addEventListener("popstate", () => {
    const asked = new URLSearchParams(location.search);
    category = asked.get("category") ?? "";
    for (const name of ["q", "audience", "time"]) form.elements[name].value = asked.get(name) ?? "";
    soon(() => {});
  });

  function step() {
    if (address() !== location.pathname + location.search) history.pushState(null, "", address());
    soon(() => {});
  }

  function address(other = category) {
    const asked = new URLSearchParams();
    if (other) asked.set("category", other);
    for (const name of ["audience", "time", "q"]) {
      const value = form.elements[name].value.trim();
      if (value) asked.set(name, value);
    }
    return asked.size ? `${location.pathname}?${asked}` : location.pathname;
  }

  function soon(before) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      before();
      ask();
    }, PAUSE);
  }

  async function ask() {
    request.abort();
    request = new AbortController();
    try {
      const answer = await fetch(place.dataset.catalogue + new URL(address(), location).search, { signal: request.signal });
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.json());
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address());
    }
  }

  function show(found) {
    const slugs = new Set(found.slugs);
    for (const [slug, card] of cards) card.hidden = !slugs.has(slug);
    grid.append(...found.slugs.map((slug) => cards.get(slug)).filter(Boolean));
    place.querySelector("[data-none]").hidden = slugs.size > 0;
    for (const chip of chips) {
      chip.href = address(chip.dataset.category);
      if (chip.dataset.category === category) chip.setAttribute("aria-current", "true");
      else chip.removeAttribute("aria-current");
    }
    said.classList.toggle("hidden", address() === location.pathname);
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      said.textContent = found.said;
    }, said.classList.contains("hidden") ? PAUSE_BEFORE_SPEAKING : PAUSE);
    highlight(grid, form.elements.q.value);
  }
}

// Marks the words that are looked for, without touching the page itself.
function highlight(grid, typed) {
  if (!("highlights" in CSS)) return;
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const ranges = [];
  const texts = document.createTreeWalker(grid, NodeFilter.SHOW_TEXT);
  while (words.length && texts.nextNode()) {
    const text = texts.currentNode.data.toLowerCase();
    for (const word of words) {
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
        const range = new Range();
        range.setStart(texts.currentNode, at);
        range.setEnd(texts.currentNode, at + word.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set("found", new Highlight(...ranges));
}
