// The table: sorting, filters, columns, checked networks, and what stands behind heads and values.

const page = JSON.parse(document.querySelector("#data").textContent);
const table = document.querySelector("#networks");
const body = table.tBodies[0];
const lines = [...body.rows]; // in the order of page.rows, whatever order they are shown in
const chosen = new Set(); // places of the checked networks in page.rows
const nFacets = page.facets.length;

function read(cell) {
  if (cell === null || typeof cell === "number") {
    return { value: cell, low: null, high: null, isDoubtful: false };
  }
  const [value, low, high, isDoubtful] = cell;
  return { value, low, high, isDoubtful: Boolean(isDoubtful) };
}

function middle({ value, low, high }) {
  if (value !== null || low === null) return value;
  return low > 0 ? Math.sqrt(low * high) : (low + high) / 2;
}

function sortKey(place, column) {
  const row = page.rows[place];
  if (column === 0) return row.name;
  if (column <= nFacets) return settingKey(page.facets[column - 1][row.facets[column - 1]]);
  return middle(read(row.cells[column - 1 - nFacets]));
}

// Of "8000 samples", "batch 4" and "2 threads" the number.
function settingKey(text) {
  const found = text.match(/^(?:batch )?(\d+)(?: samples| threads?)?$/);
  return found ? Number(found[1]) : text;
}

function compare(first, second) {
  if (typeof first === "number" && typeof second === "number") return first - second;
  return String(first).localeCompare(String(second), "en");
}

// What is missing comes last, in either direction.
function sortBy(column, direction) {
  const keys = page.rows.map((_, place) => sortKey(place, column));
  const order = page.rows.map((_, place) => place).sort((a, b) => {
    if (keys[a] === null || keys[b] === null) return (keys[a] === null) - (keys[b] === null);
    return direction * compare(keys[a], keys[b]) || a - b;
  });
  body.append(...order.map((place) => lines[place]));
}

const heads = [...table.tHead.rows[0].cells];

function turn(column) {
  const isAscending = heads[column].getAttribute("aria-sort") === "ascending";
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", isAscending ? "descending" : "ascending");
  sortBy(column, isAscending ? -1 : 1);
}

heads.forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => turn(column));
  const isText = column <= nFacets;
  if (isText) head.classList.add("text");
});
for (const line of lines) {
  for (let column = 1; column <= nFacets; column += 1) line.cells[column].classList.add("text");
}

const search = document.querySelector("#search");
const choices = [...document.querySelectorAll("#filters select")];
const count = document.querySelector("#count");

function isWanted(row) {
  const word = search.value.trim().toLowerCase();
  const fits = ({ value, dataset }) => value === "" || row.facets[dataset.facet] === Number(value);
  return row.name.toLowerCase().includes(word) && choices.every(fits);
}

function shownPlaces() {
  return page.rows.map((_, place) => place).filter((place) => !lines[place].hidden);
}

function filter() {
  page.rows.forEach((row, place) => {
    lines[place].hidden = !isWanted(row);
  });
  count.textContent = `${shownPlaces().length} of ${lines.length} rows`;
  drawPlot();
}

search.addEventListener("input", filter);
for (const choice of choices) choice.addEventListener("change", filter);

const boxes = [...document.querySelectorAll("#columns input")];
const hiding = document.head.appendChild(document.createElement("style"));

function showColumns() {
  const hidden = boxes.filter((box) => !box.checked).map((box) => box.value);
  const cells = hidden.map((number) => `#networks tr > :nth-child(${number})`);
  hiding.textContent = cells.length ? `${cells.join(",")} { display: none }` : "";
}

for (const box of boxes) box.addEventListener("change", showColumns);
document.querySelector("#paper")?.addEventListener("change", (event) => {
  table.classList.toggle("with-paper", event.target.checked);
});

const clear = document.querySelector("#clear");

function choose(place, isChosen) {
  if (isChosen) chosen.add(place);
  else chosen.delete(place);
  lines[place].classList.toggle("chosen", isChosen);
  lines[place].querySelector("input").checked = isChosen;
  clear.hidden = chosen.size === 0;
  markPlot();
}

lines.forEach((line, place) => {
  const box = line.querySelector("input");
  box.addEventListener("change", () => choose(place, box.checked));
});
clear.addEventListener("click", () => {
  for (const place of [...chosen]) choose(place, false);
  search.focus();
});

// One element shows what stands behind the head or value that is pointed at, focused or pressed.
const tip = document.querySelector("#tip");

function showTip(button) {
  tip.textContent = document.getElementById(button.getAttribute("aria-describedby")).textContent;
  tip.hidden = false;
  const at = button.getBoundingClientRect();
  const isRoomBelow = at.bottom + tip.offsetHeight + 8 < window.innerHeight;
  const left = Math.min(at.left, window.innerWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${isRoomBelow ? at.bottom - 1 : Math.max(8, at.top - tip.offsetHeight + 1)}px`;
}

function hideTip() {
  tip.hidden = true;
}

function follow(event) {
  const button = event.target.closest?.("#networks [aria-describedby]");
  if (button) showTip(button);
  else if (event.target !== tip) hideTip();
}

for (const kind of ["mouseover", "focusin", "click"]) document.addEventListener(kind, follow);
document.addEventListener("focusout", hideTip);
// A cell that is focused by the keyboard scrolls into view, and keeps its tip.
document.addEventListener(
  "scroll",
  () => {
    const focused = document.activeElement.closest("#networks [aria-describedby]");
    if (focused && focused.matches(":focus-visible") && !tip.hidden) showTip(focused);
    else hideTip();
  },
  true,
);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideTip();
});

showColumns();
