// In a matrix, arrow keys go from cell to cell, Home and End to the ends of a row.
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [-Infinity, 0], End: [Infinity, 0] };

export function startMatrices() {
  for (const region of document.querySelectorAll("[data-matrix]")) {
    const rows = [...region.querySelectorAll("tbody tr")].map((row) => [...row.cells]);
    const all = rows.flat();
    for (const cell of all) cell.tabIndex = -1;
    if (all.length) all[0].tabIndex = 0;
    region.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      const from = event.target.closest("tbody :is(th, td)");
      if (!step || !from || event.altKey || event.ctrlKey || event.metaKey) return;
      const y = clamp(rows.findIndex((row) => row.includes(from)) + step[1], rows.length);
      const x = clamp(from.cellIndex + step[0], rows[y].length);
      event.preventDefault();
      for (const cell of all) cell.tabIndex = -1;
      rows[y][x].tabIndex = 0;
      rows[y][x].focus();
    });
  }
}

function clamp(place, length) {
  return Math.max(0, Math.min(length - 1, place));
}
