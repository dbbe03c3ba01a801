// The price calculator answers as one types or slides; the server works out every figure.
const MOST_SEATS = 2000;
const SLIDER_END = 1000;
const PAUSE = 150;
const PAUSE_BEFORE_SPEAKING = 900;

export function startCalculators() {
  for (const box of document.querySelectorAll("[data-calculator]")) start(box);
}

function start(box) {
  const form = box.querySelector("form");
  const seats = form.elements.seats;
  const slider = box.querySelector("[type=range]");
  let request = new AbortController();
  let timer = 0;
  let speaking = 0;

  form.querySelector(".calculator__go").hidden = Boolean(box.querySelector("[data-answer]"));
  slider.hidden = false;
  moveSlider(slider, seats.value);

  slider.addEventListener("input", () => {
    seats.value = String(Math.max(1, Math.round(MOST_SEATS ** (Number(slider.value) / SLIDER_END))));
    nameSlider(slider, seats.value);
    fillSlider(slider);
    askSoon();
  });
  // The slider is logarithmic, so by keyboard one step is one person.
  slider.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const number = Math.round(MOST_SEATS ** (Number(slider.value) / SLIDER_END));
    const typed = Number(seats.value.replaceAll(",", ""));
    const before = Number.isInteger(typed) && typed >= 1 ? typed : number;
    seats.value = String(Math.min(MOST_SEATS, Math.max(1, before + step)));
    moveSlider(slider, seats.value);
    askSoon();
  });
  seats.addEventListener("input", () => {
    moveSlider(slider, seats.value);
    askSoon();
  });
  for (const choice of form.elements.interval) choice.addEventListener("change", askSoon);

  function askSoon() {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  }

  async function ask() {
    if (seats.value.trim() === "") return;
    request.abort();
    request = new AbortController();
    const query = new URLSearchParams({ seats: seats.value.trim(), interval: form.elements.interval.value });
    try {
      const response = await fetch(`${box.dataset.figures}?${query}`, { signal: request.signal });
      const answer = await response.json();
      if (response.ok) show(answer, query);
      else refuse(answer.message ?? "");
    } catch (error) {
      // Without an answer the button still works: it loads the page anew.
      if (error.name !== "AbortError") form.querySelector(".calculator__go").hidden = false;
    }
  }

  function show(answer, query) {
    if (!box.querySelector("[data-answer]")) {
      form.submit();
      return;
    }
    refuse("");
    for (const place of document.querySelectorAll("[data-word]")) {
      const word = answer.words[place.dataset.word];
      if (word !== undefined) place.textContent = word;
    }
    box.querySelector("[data-buy]").href = answer.words.buy_href;
    box.querySelector("[data-quote]").href = answer.words.quote_href;
    showCurve(box, answer.curve);
    showBands(answer.words);
    if (location.pathname === new URL(form.action).pathname) history.replaceState(null, "", `?${query}`);
    clearTimeout(speaking);
    speaking = setTimeout(() => {
      box.querySelector("[data-spoken]").textContent = answer.words.spoken;
    }, PAUSE_BEFORE_SPEAKING);
  }

  function refuse(message) {
    box.querySelector("#seats-error").textContent = message;
    seats.closest(".field").classList.toggle("field--wrong", message !== "");
    if (message) seats.setAttribute("aria-invalid", "true");
    else seats.removeAttribute("aria-invalid");
    box.querySelector("[data-answer]")?.toggleAttribute("data-stale", message !== "");
  }
}

function moveSlider(slider, typed) {
  const number = Number(typed.replaceAll(",", ""));
  if (!Number.isInteger(number) || number < 1) return;
  slider.value = String(Math.round((Math.log(Math.min(number, MOST_SEATS)) / Math.log(MOST_SEATS)) * SLIDER_END));
  nameSlider(slider, String(number));
  fillSlider(slider);
}

function fillSlider(slider) {
  slider.style.setProperty("--filled", `${(Number(slider.value) / SLIDER_END) * 100}%`);
}

function nameSlider(slider, number) {
  slider.setAttribute("aria-valuetext", number === "1" ? "1 person" : `${number} people`);
}

function showCurve(box, curve) {
  const place = box.querySelector("[data-place]");
  if (!place) return;
  const drop = box.querySelector("[data-drop]");
  place.setAttribute("cx", curve.x);
  place.setAttribute("cy", curve.y);
  drop.setAttribute("x1", curve.x);
  drop.setAttribute("x2", curve.x);
  drop.setAttribute("y1", curve.y);
  box.querySelector("[data-line]").setAttribute("d", curve.line);
  box.querySelector("[data-area]").setAttribute("d", curve.area);
}

function showBands(words) {
  const table = document.querySelector("[data-bands] table");
  if (!table) return;
  table.tHead.rows[0].cells[1].textContent = words.each;
  table.tBodies[0].replaceChildren(
    ...words.rows.map((row) => {
      const line = document.createElement("tr");
      if (row.is_sum) line.className = "table__sum";
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = row.label;
      const cells = [row.each, row.together].map((text) => {
        const cell = document.createElement("td");
        cell.className = "num";
        cell.textContent = text;
        return cell;
      });
      line.append(head, ...cells);
      return line;
    }),
  );
}
