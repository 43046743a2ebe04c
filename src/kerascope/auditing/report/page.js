"use strict";
// Written by hand, without anything from elsewhere: pictures are put in when they come near, the table of images is
// sorted, filtered and turned over, and one slider fades all maps.
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// ---- light and dark ---------------------------------------------------------------------------
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = document.getElementById("theme");
function paint(name) {
  root.dataset.theme = name;
  theme.setAttribute("aria-pressed", String(name === "dark"));
}
paint(dark.matches ? "dark" : "light");
theme.addEventListener("click", () => paint(root.dataset.theme === "dark" ? "light" : "dark"));

// ---- one slider for all maps ------------------------------------------------------------------
const slider = document.getElementById("fade");
slider.addEventListener("input", () => root.style.setProperty("--map", slider.value / 100));

// ---- pictures, when they come near ------------------------------------------------------------
function picture(source, kind, words) {
  const image = document.createElement("img");
  image.src = source;
  image.alt = words;
  image.className = kind;
  image.addEventListener("load", () => { if (kind === "photograph" && image.naturalWidth <= 64) image.classList.add("crisp"); });
  return image;
}
function fill(frame) {
  if (frame.dataset.done) return;
  frame.dataset.done = "1";
  const found = data.pictures[frame.dataset.index];
  if (!found) return;
  frame.prepend(picture(found[0], "photograph", frame.dataset.words || "photograph"));
  if (found[1]) frame.insertBefore(picture(found[1], "map", ""), frame.children[1] || null);
}
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { fill(entry.target); near.unobserve(entry.target); }
}, { rootMargin: "400px" });
all(".frame[data-index]").forEach((frame) => near.observe(frame));

// ---- the table of images ----------------------------------------------------------------------
const [INDEX, PATH, LABEL, PREDICTION, TARGET, PROBABILITY, RIGHT, EMPTY] = [0, 1, 2, 3, 4, 5, 6, 7];
const body = document.querySelector("#images tbody");
const count = document.getElementById("count");
const filters = { of: document.getElementById("of"), text: document.getElementById("text"),
  finding: document.getElementById("finding"), wrong: document.getElementById("wrong"), empty: document.getElementById("empty") };
const name = (label) => data.classes[label] ?? String(label ?? "");
let order = { column: INDEX, ascending: true };
let at = 0;

function value(row, column) {
  if (column === PREDICTION || column === TARGET) return name(row[column]);
  return row[column];
}
function chosen() {
  const text = filters.text.value.trim().toLowerCase();
  const images = filters.finding.value === "" ? null : new Set(data.findings[filters.finding.value].images);
  const rows = data.rows.filter((row) =>
    (filters.of.value === "" || String(row[TARGET]) === filters.of.value) &&
    (text === "" || row[PATH].toLowerCase().includes(text)) &&
    (images === null || images.has(row[INDEX])) &&
    (!filters.wrong.checked || row[RIGHT] === 0) &&
    (!filters.empty.checked || row[EMPTY] === 1));
  const sign = order.ascending ? 1 : -1;
  return rows.sort((one, two) => {
    const a = value(one, order.column), b = value(two, order.column);
    if (a === b) return one[INDEX] - two[INDEX];
    if (a === null || a === "") return 1;
    if (b === null || b === "") return -1;
    return sign * (typeof a === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
  });
}
function cell(text, kind) {
  const made = document.createElement("td");
  // A name or path may be broken behind its separators.
  String(text).split(/(?<=[/\\_.,:=(-])(?=\S)/).forEach((part, place) => {
    if (place && kind !== "number") made.append(document.createElement("wbr"));
    made.append(part);
  });
  if (kind) made.className = kind;
  return made;
}
function line(row) {
  const made = document.createElement("tr");
  const look = document.createElement("td");
  const figure = document.createElement("figure");
  figure.className = "look small";
  const frame = document.createElement("span");
  frame.className = "frame";
  frame.dataset.index = row[INDEX];
  frame.dataset.words = row[PATH];
  figure.append(frame);
  look.append(figure);
  made.append(look, cell(row[PATH], "path"), cell(row[LABEL] ?? "", "name"),
    cell(name(row[PREDICTION]), row[RIGHT] === 0 ? "name wrong" : "name"),
    cell(row[PROBABILITY] === null ? "" : row[PROBABILITY].toFixed(3), "number"),
    cell(row[EMPTY] ? "shows nothing" : "", ""));
  fill(frame);
  return made;
}
function show() {
  const rows = chosen();
  const last = Math.max(0, Math.ceil(rows.length / data.perPage) - 1);
  at = Math.min(at, last);
  body.replaceChildren(...rows.slice(at * data.perPage, (at + 1) * data.perPage).map(line));
  count.textContent = `${rows.length} of ${data.rows.length} images, page ${at + 1} of ${last + 1}`;
  document.getElementById("back").disabled = at === 0;
  document.getElementById("next").disabled = at === last;
}
for (const filter of Object.values(filters)) filter.addEventListener("input", () => { at = 0; show(); });
// A choice may be cut where the screen is narrow: it is whole in its title.
const titled = (one) => { one.title = one.selectedOptions[0].textContent; };
for (const one of [filters.of, filters.finding]) { titled(one); one.addEventListener("input", () => titled(one)); }
document.getElementById("back").addEventListener("click", () => { at -= 1; show(); });
document.getElementById("next").addEventListener("click", () => { at += 1; show(); });
all("#images th button").forEach((button) => button.addEventListener("click", () => {
  const column = Number(button.dataset.column);
  order = { column, ascending: order.column === column ? !order.ascending : true };
  for (const head of all("#images th")) head.removeAttribute("aria-sort");
  button.parentElement.setAttribute("aria-sort", order.ascending ? "ascending" : "descending");
  show();
}));
show();

// ---- the table of classes ---------------------------------------------------------------------
all("#overview th button").forEach((button) => button.addEventListener("click", () => {
  const head = button.parentElement, place = head.cellIndex, ascending = head.getAttribute("aria-sort") !== "ascending";
  for (const one of all("#overview th")) one.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const key = (row) => row.cells[place].dataset.value ?? row.cells[place].textContent;
  const rows = all("#overview tbody tr").sort((one, two) => (ascending ? 1 : -1) *
    key(one).localeCompare(key(two), undefined, { numeric: true }));
  document.querySelector("#overview tbody").append(...rows);
}));
all("#overview a").forEach((link) => link.addEventListener("click", () => {
  document.querySelector(link.getAttribute("href")).open = true;
}));

// ---- on paper all is open ---------------------------------------------------------------------
addEventListener("beforeprint", () => {
  all("details").forEach((one) => { one.open = true; });
  all(".frame[data-index]").forEach(fill);
});
