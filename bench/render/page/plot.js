// The plot of one column against another, and the charts of the sections; Vega-Lite draws them.

const plotText = document.querySelector("#plot-text");
const NAME_WIDTH = 60; // pixels of the plot for each network that is named without being checked
const NAME_SIZE = page.plot.layer.find(({ name }) => name === "names").mark.fontSize;
const LETTER_WIDTH = 0.56 * NAME_SIZE;
const NAME_OFFSETS = [-14, 14, -28, 28, -42, 42]; // pixels from a point down to its name
let drawn = null;

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  const text = { labelColor: of("--ink"), titleColor: of("--ink") };
  const grid = { gridColor: of("--line"), domainColor: of("--edge"), tickColor: of("--edge") };
  return {
    aria: false,
    background: null,
    font: "system-ui, sans-serif",
    axis: { ...text, ...grid, labelFontSize: 12, titleFontSize: 13, titleFontWeight: "normal" },
    legend: { ...text, labelFontSize: 12 },
    header: text,
    title: { color: of("--ink") },
    view: { stroke: of("--line") },
    line: { color: of("--quiet") },
    rule: { color: of("--quiet") },
    text: { color: of("--ink") },
    range: { category: [1, 2, 3, 4, 5, 6].map((number) => of(`--colour-${number}`)) },
  };
}

// The SVG is hidden from screen readers: what holds it is one image with a sentence.
async function embed(element, spec, bind = undefined) {
  const tooltip = { disableDefaultStyle: true };
  const options = { actions: false, renderer: "svg", config: colours(), tooltip, bind };
  const result = await window.vegaEmbed(element, spec, options);
  result.view.container().querySelector("svg").setAttribute("aria-hidden", "true");
  return result;
}

function axis(name) {
  const number = Number(document.querySelector(`#${name}`).value);
  const isLog = document.querySelector(`#${name}-log`).checked;
  return { name, number, isLog, head: page.heads[number] };
}

// The text of a cell without what the paper says.
function textOf(cell) {
  return (cell.querySelector("button") ?? cell.firstChild)?.textContent ?? "";
}

function hoverText(place) {
  const { label, cells } = page.rows[place];
  const hover = { title: label };
  [...lines[place].cells].slice(1).forEach((cell, index) => {
    const isThere = index < nFacets || cells[index - nFacets] !== null;
    if (isThere) hover[heads[index + 1].textContent] = textOf(cell);
  });
  return hover;
}

function along(place, { name, number, isLog, head }) {
  const cell = read(page.rows[place].cells[number]);
  const scaled = (value) => {
    const isOnAxis = value !== null && (value > 0 || !isLog);
    return isOnAxis ? value / head.scale : null;
  };
  const [low, high] = [scaled(cell.low), scaled(cell.high)];
  const isWhole = low !== null && high !== null;
  return {
    at: scaled(middle(cell)),
    isRange: cell.value === null,
    isDoubtful: cell.isDoubtful,
    ends: { [`${name}Low`]: isWhole ? low : null, [`${name}High`]: isWhole ? high : null },
  };
}

function pointOf(place, x, y) {
  const [onX, onY] = [along(place, x), along(place, y)];
  const row = page.rows[place];
  return {
    index: place,
    name: row.label,
    family: page.families[row.family],
    setting: row.setting,
    x: onX.at,
    y: onY.at,
    ...onX.ends,
    ...onY.ends,
    isRange: onX.isRange || onY.isRange,
    isDoubtful: onX.isDoubtful || onY.isDoubtful,
    hover: hoverText(place),
  };
}

// The points that no other beats, from the best on the horizontal axis to the best on the vertical.
function frontierOf(points, x, y) {
  const worse = (axis) => (axis.head.isGain ? -1 : 1);
  const [onX, onY] = [worse(x), worse(y)];
  const sorted = [...points].sort((a, b) => onX * (a.x - b.x) || onY * (a.y - b.y));
  let best = Infinity;
  return sorted.filter((point) => {
    const isBetter = onY * point.y < best;
    if (isBetter) best = onY * point.y;
    return isBetter;
  });
}

// A frontier for each machine and workload: across them, times and memory tell nothing of networks.
function frontiersOf(points, x, y) {
  const settings = [...new Set(points.map(({ setting }) => setting))];
  const within = (setting) => points.filter((point) => point.setting === setting);
  return settings.flatMap((setting) => frontierOf(within(setting), x, y));
}

// From the lowest to the highest of what is drawn along an axis; a single value has room around it.
function domainOf(points, { name, isLog }) {
  const ends = points.flatMap((point) => [point[name], point[`${name}Low`], point[`${name}High`]]);
  const there = ends.filter((value) => value !== null);
  if (there.length === 0) return [1, 10];
  const [low, high] = [Math.min(...there), Math.max(...there)];
  if (low < high) return [low, high];
  return isLog ? [low / 2, high * 2] : [low - 1, high + 1];
}

function scaleOf(points, axis) {
  const type = axis.isLog ? "log" : "linear";
  const toZero = axis.isLog ? {} : { zero: false };
  return { type, ...toZero, nice: false, padding: 30, domain: domainOf(points, axis) };
}

function fillIn(points, frontier, x, y) {
  const spec = structuredClone(page.plot);
  spec.datasets = { points, frontier };
  for (const axis of [x, y]) {
    const marks = axis.isLog ? { tickCount: 6, format: "~r" } : {};
    const [title, scale] = [axis.head.text, scaleOf(points, axis)];
    Object.assign(spec.encoding[axis.name], { title, scale, axis: marks });
  }
  const line = spec.layer.find(({ name }) => name === "frontier");
  line.mark.interpolate = x.head.isGain ? "step-before" : "step-after";
  return spec;
}

// Whether boxes [left, right, top, bottom] have a point in common.
function overlap(one, other) {
  return one[0] < other[1] && other[0] < one[1] && one[2] < other[3] && other[2] < one[3];
}

// The box of a point's name in pixels; it is estimated, since nothing is drawn yet.
function boxOf(point, [left, top], offset) {
  const width = LETTER_WIDTH * point.name.length;
  const start = { left, center: left - width / 2, right: left - width }[point.nameSide];
  const middle = top + offset;
  return [start, start + width, middle - NAME_SIZE / 2, middle + NAME_SIZE / 2];
}

// All of few, else those of the frontier. Names near an end of the axis stand on the side where
// there is room; each is as near to its point, above or below, as earlier ones allow.
function nameSome(points, frontier, x, y) {
  const { clientWidth } = document.querySelector("#plot");
  const isRoom = points.length <= clientWidth / NAME_WIDTH;
  const [acrossX, acrossY] = [x, y].map((one) => {
    const along = (value) => (one.isLog ? Math.log(value) : value);
    const [low, high] = domainOf(points, one).map(along);
    return (value) => (along(value) - low) / (high - low);
  });
  const taken = [];
  const isFrontier = (point) => frontier.includes(point);
  const order = [...points].sort((a, b) => isFrontier(b) - isFrontier(a) || a.x - b.x);
  for (const point of order) {
    const share = acrossX(point.x);
    point.isNamed = isRoom || isFrontier(point);
    point.nameSide = share < 0.2 ? "left" : share > 0.8 ? "right" : "center";
    const place = [share * clientWidth, (1 - acrossY(point.y)) * page.plot.height];
    const isFree = (offset) => {
      const box = boxOf(point, place, offset);
      return !taken.some((other) => overlap(box, other));
    };
    point.nameOffset = NAME_OFFSETS.find(isFree) ?? NAME_OFFSETS[0];
    if (point.isNamed) taken.push(boxOf(point, place, point.nameOffset));
  }
}

function whyMissing(place, axes) {
  const missing = axes.find(({ number }) => read(page.rows[place].cells[number]).value === null
    && read(page.rows[place].cells[number]).low === null);
  const why = missing
    ? textOf(lines[place].cells[1 + nFacets + missing.number])
    : "not above zero, where a logarithmic axis ends";
  return why;
}

// The networks by the reason why they are not drawn.
function listMissing(places, axes) {
  const byReason = new Map();
  for (const place of places) {
    const why = whyMissing(place, axes);
    byReason.set(why, [...(byReason.get(why) ?? []), page.rows[place].label]);
  }
  return [...byReason].map(([why, names]) => `${why}: ${names.join(", ")}`).join("; ");
}

function describe(points, frontier, axes) {
  const there = new Set(points.map(({ index }) => index));
  const left = shownPlaces().filter((place) => !there.has(place));
  const isSplit = new Set(points.map(({ setting }) => setting)).size > 1;
  const where = isSplit ? "On the frontier of their machine and workload" : "On the frontier";
  const sentences = [
    `${points.length} of ${shownPlaces().length} rows are drawn.`,
    frontier.length ? `${where}: ${frontier.map(({ name }) => name).join(", ")}.` : "",
    left.length ? `Not drawn, ${listMissing(left, axes)}.` : "",
  ];
  plotText.textContent = sentences.filter(Boolean).join(" ");
}

async function drawNow() {
  const [x, y] = [axis("x"), axis("y")];
  const all = shownPlaces().map((place) => pointOf(place, x, y));
  const points = all.filter((point) => point.x !== null && point.y !== null);
  const frontier = frontiersOf(points.filter(({ isRange }) => !isRange), x, y);
  nameSome(points, frontier, x, y);
  drawn?.finalize();
  drawn = null;
  drawn = await embed("#plot", fillIn(points, frontier, x, y));
  drawn.view.addEventListener("click", (_, item) => {
    const isNetwork = item?.mark.marktype === "symbol" && item.mark.role === "mark";
    if (isNetwork) choose(item.datum.index, !chosen.has(item.datum.index));
  });
  describe(points, frontier, [x, y]);
  markPlot();
}

// One drawing after the other; of several that wait the last is enough.
let drawing = Promise.resolve();
let nWanted = 0;

function drawPlot() {
  nWanted += 1;
  const number = nWanted;
  drawing = drawing
    .then(() => (number === nWanted ? drawNow() : undefined))
    .catch((error) => console.error(error));
}

function markPlot() {
  drawn?.view.signal("chosen", [...chosen]).run();
}

async function drawSections() {
  for (const element of document.querySelectorAll("[data-section]")) {
    const { section } = element.dataset;
    const menus = document.getElementById(`${section}-menus`);
    menus.replaceChildren();
    await embed(element, page.sections[section], menus);
  }
}

function drawAll() {
  drawPlot();
  drawSections().catch((error) => console.error(error));
}

// The library shows values beside the pointer, wherever that is; here they stay on the screen.
document.addEventListener("mousemove", () => {
  const shown = document.querySelector("#vg-tooltip-element.visible");
  if (!shown) return;
  const { left, top, width, height } = shown.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.documentElement;
  shown.style.left = `${Math.max(4, Math.min(left, clientWidth - width - 4))}px`;
  shown.style.top = `${Math.max(4, Math.min(top, clientHeight - height - 4))}px`;
});

for (const element of document.querySelectorAll("#axes select, #axes input")) {
  element.addEventListener("change", drawPlot);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
