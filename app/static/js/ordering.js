// Things to put in order move up and down with buttons; what each row's place is stands in the list that was there before.
export function startOrdering() {
  for (const list of document.querySelectorAll("[data-ordering]")) start(list);
}

function start(list) {
  const spoken = document.createElement("p");
  spoken.className = "hidden";
  spoken.setAttribute("role", "status");
  list.after(spoken);
  const hint = list.parentElement.querySelector("[data-hint]");
  if (hint) hint.textContent = hint.dataset.hint;
  const given = (row) => Number(row.querySelector("select").value || list.children.length);
  const isAnswered = [...list.querySelectorAll("select")].every((select) => select.value !== "");
  if (isAnswered) for (const row of [...list.children].sort((one, other) => given(one) - given(other))) list.append(row);
  for (const row of list.children) {
    const text = row.querySelector("[data-text] p").textContent;
    row.querySelector(".thing__place").classList.add("hidden");
    row.querySelector("select").tabIndex = -1;
    row.querySelector(".thing__place").setAttribute("aria-hidden", "true");
    const buttons = document.createElement("div");
    buttons.className = "thing__moves";
    for (const [sign, words, step] of [["↑", "Move up", -1], ["↓", "Move down", 1]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button--secondary button--small";
      button.textContent = sign;
      button.setAttribute("aria-label", `${words}: ${text}`);
      button.addEventListener("click", () => {
        const beside = step < 0 ? row.previousElementSibling : row.nextElementSibling;
        if (!beside) return;
        if (step < 0) beside.before(row);
        else beside.after(row);
        number();
        if (button.disabled) row.querySelector(".thing__moves button:enabled").focus();
        else button.focus();
        spoken.textContent = `Place ${[...list.children].indexOf(row) + 1}: ${text}`;
      });
      buttons.append(button);
    }
    row.prepend(buttons);
  }
  number();

  function number() {
    [...list.children].forEach((row, place) => {
      row.querySelector("select").value = String(place);
      const [up, down] = row.querySelectorAll(".thing__moves button");
      up.disabled = place === 0;
      down.disabled = place === list.children.length - 1;
    });
  }
}
