// The keys 1 to 9 choose an answer. They can be turned off, because speech and switches may send them by accident.
const KEPT = "lanyard.keys";

function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

export function startKeys() {
  const options = document.querySelector("[data-keys]");
  if (!options) return;
  let isOn = kept() !== "off";
  const places = [...options.querySelectorAll(".option input, .option--button")];
  const words = document.createElement("span");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link-button";
  const line = document.createElement("p");
  line.className = "soft small keys-line";
  line.append(words, " ", button);
  options.after(line);
  say();

  button.addEventListener("click", () => {
    isOn = !isOn;
    try {
      localStorage.setItem(KEPT, isOn ? "on" : "off");
    } catch {
      // Where nothing may be kept, the choice holds for this page.
    }
    say();
  });
  document.addEventListener("keydown", (event) => {
    if (!isOn || event.ctrlKey || event.altKey || event.metaKey || event.target.matches("textarea, select, input[type=text]")) return;
    const place = /^[1-9]$/.test(event.key) && places[Number(event.key) - 1];
    if (!place) return;
    event.preventDefault();
    place.focus();
    place.click();
  });

  function say() {
    words.textContent = isOn ? `You can press 1 to ${places.length} to choose.` : "Number keys are off.";
    button.textContent = isOn ? "Turn number keys off" : "Turn number keys on";
  }
}
