// Makes choosing people in a table nicer: a box in the head chooses the whole page, and the number chosen is said.
for (const form of document.querySelectorAll("[data-selection]")) {
  const boxes = [...form.querySelectorAll('input[name="who"]')];
  const all = form.querySelector('input[name="all"]');
  const count = form.querySelector("[data-count]");
  const head = form.querySelector("thead th");
  const page = document.createElement("input");
  page.type = "checkbox";
  page.setAttribute("aria-label", "Choose everyone on this page");
  head.prepend(page);

  const say = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    page.checked = chosen === boxes.length;
    page.indeterminate = chosen > 0 && chosen < boxes.length;
    const everyone = all !== null && all.checked;
    count.hidden = everyone || chosen === 0;
    count.textContent = chosen === 1 ? "1 person chosen on this page" : `${chosen} people chosen on this page`;
  };
  page.addEventListener("change", () => {
    for (const box of boxes) box.checked = page.checked;
    say();
  });
  form.addEventListener("change", say);
  count.setAttribute("role", "status");
  say();
}
