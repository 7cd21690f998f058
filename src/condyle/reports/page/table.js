"use strict";
// Tables whose headings sort: numbers by value, words as a person would, what has no value last.
{
  const valueOf = (cell) => {
    const text = cell.dataset.value ?? cell.textContent;
    if (!cell.classList.contains("number")) return text;
    return text === "" ? null : Number(text);
  };

  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));

  const sort = (table, column, direction) => {
    const keyed = [...table.tBodies[0].rows].map((row) => [valueOf(row.cells[column]), row]);
    keyed.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : direction * compare(a, b)));
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, column, down ? -1 : 1);
      });
    });
  }
}
