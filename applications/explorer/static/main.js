"use strict";
// What happens: the state becomes pictures, once for each frame in which it changed.

const stage = control("stage");
const lines = new Lines(control("overlay"));
const cosines = pictures.map((picture) => new Float64Array(picture.count));
const state = new State(schedule);
const frames = { last: 0, times: [] };
const shown = { version: -1, matches: [], places: new Map(), view: "" };
let [panes, controls, isScheduled, spoken] = [[], null, false, 0];

function schedule() {
  if (isScheduled || panes.length === 0) return;
  isScheduled = true;
  requestAnimationFrame(draw);
}

function addPin({ image, x, y }) {
  const { pins } = state.now;
  if (pins.length >= MOST_PINS) return say(`No more than ${MOST_PINS} pins`);
  state.set({ pins: [...pins, { image, x, y, name: "", byHand: {} }] });
  say(`Pinned ${pins.length + 1} in ${pictures[image].name}`);
}

function removePin(at) {
  if (at < 0) return;
  state.set({ pins: state.now.pins.filter((_, other) => other !== at) });
  say(`Removed pin ${at + 1}`);
}

/** The pins, of which one has other values. */
const pinsWith = (at, values) => state.now.pins.map((pin, other) => (other === at ? { ...pin, ...values } : pin));

function renamePin(at, name) {
  state.set({ pins: pinsWith(at, { name: tidyName(name) }) });
}

/** The pins, of which one has its match in an image set by hand; computed again without a place. */
function pinsByHand(at, image, place) {
  const byHand = { ...state.now.pins[at].byHand };
  if (place) byHand[image] = place;
  else delete byHand[image];
  return pinsWith(at, { byHand });
}

/** Let the match of a pin be where it is computed to be. */
function releasePin(at, image) {
  if (!state.now.pins[at].byHand[image]) return;
  state.set({ pins: pinsByHand(at, image, null) });
  say(`Pin ${at + 1} in ${pictures[image].name} is where it is computed to be`);
}

/** Say something to those who listen, and show it for a while. */
function say(text) {
  clearTimeout(toSpeak);
  control("said").textContent = text;
  control("note").textContent = text;
  control("note").classList.add("shown");
  clearTimeout(spoken);
  spoken = setTimeout(() => control("note").classList.remove("shown"), 2500);
}

function draw() {
  isScheduled = false;
  const began = performance.now();
  const { now, pointer, version } = state;
  if (version !== shown.version) {
    shown.version = version;
    matchPins(now);
    controls.show();
    controls.showPins(now.pins, shown.matches);
    for (const pane of panes) pane.showPins(now.pins, shown.matches);
    showSettings(now);
  }
  lines.begin();
  if (now.lines) now.pins.forEach(drawPinLines);
  if (pointer) showPointer(pointer, now);
  lines.end();
  frames.last = performance.now() - began;
  frames.times.push(frames.last);
  if (frames.times.length > 120) frames.times.shift();
  control("frame").textContent = `${frames.last.toFixed(1)} ms a frame`;
  remember();
}

/** The matches of each pin in all images; those that a change doesn't touch are not sought again. */
function matchPins({ pins, shares, matcher, tolerance, temperature, window, margin, masks }) {
  const settings = [shares, matcher, tolerance, temperature, window, margin, masks];
  const places = new Map();
  shown.matches = pins.map((pin) => {
    const key = JSON.stringify([settings, pin.image, pin.x, pin.y, pin.byHand]);
    places.set(key, shown.places.get(key) ?? matchesOfPin(pin));
    return places.get(key);
  });
  shown.places = places;
}

const matchesOfPin = ({ image, x, y, byHand }) =>
  pictures.map(({ place }) => (place === image ? null : roundTrip(image, x, y, place, state.now, { place: byHand[place] })));

/** What holds for all panes whatever the pointer is at. */
function showSettings(now) {
  const { view, opacity, smooth, masks } = now;
  stage.dataset.view = view;
  for (const { layer, outside, picture } of panes) {
    layer.canvas.style.opacity = view === "pca" ? Math.max(opacity, 0.05) : opacity;
    layer.canvas.classList.toggle("sharp", !smooth || view === "pca");
    outside.hidden = !(masks && picture.mask);
  }
  const pure = now.shares.findIndex((share) => share > 0.9995);
  const components = `pca-${sources.length === 1 ? 0 : pure >= 0 ? pure : sources.length}`;
  if (view === "pca" && shown.view !== components) {
    for (const { layer, picture } of panes) layer.paintColors(blockBytes(`${components}-${picture.place}`));
  }
  shown.view = view === "pca" ? components : view;
}

function drawPinLines(pin, at) {
  const from = panes[pin.image].onStage(pin);
  shown.matches[at].forEach((match, place) => {
    if (match === null || match.x === null) return;
    const isDoubtful = isDoubtfulMatch(match, pin);
    lines.add(from, panes[place].onStage(match), isDoubtful ? "pair doubtful" : "pair", pinColor(at));
    if (state.now.returns && match.back && match.error > 0) {
      lines.add(from, panes[pin.image].onStage(match.back), "return", pinColor(at));
    }
  });
}

/** The heat maps and the matches of the place under the pointer. */
function showPointer(pointer, now) {
  const { image, x, y } = pointer;
  const range = now.full ? { low: -1, high: 1 } : { low: Infinity, high: -Infinity };
  const own = { ...range };
  for (const { place } of pictures) {
    fillCosines(image, x, y, place, now.shares, cosines[place]);
    if (!now.full) widenRange(place === image ? own : range, cosines[place], insideOf(place, now));
  }
  const words = [];
  let back = null;
  for (const pane of panes) {
    const { place, name } = pane.picture;
    const isSource = place === image;
    if (now.view === "heat") {
      pane.layer.paintCosines(cosines[place], isSource ? own : range, colorTables[now.colors]);
    }
    pane.figure.classList.toggle("is-source", isSource);
    put(pane.cursor, pane.picture, isSource ? pointer : null);
    put(pane.end, pane.picture, null);
    const match = isSource ? null : roundTrip(image, x, y, place, now, { cosines: cosines[place] });
    put(pane.best, pane.picture, match);
    pane.showReading(isSource ? [["x", x.toFixed(1)], ["y", y.toFixed(1)]] : readingOf(match));
    Object.assign(pane.view.dataset, isSource ? { match: "", score: "", margin: "" } : {
      match: match === null || match.x === null ? "" : `${match.x},${match.y}`,
      score: match?.score ?? "",
      margin: match?.margin ?? "",
    });
    words.push(isSource ? `From ${name}, x ${x.toFixed(0)}, y ${y.toFixed(0)}.` : `In ${name}: ${spokenMatch(match)}.`);
    if (match === null || match.x === null) continue;
    const from = panes[image].onStage(pointer);
    if (now.lines) lines.add(from, pane.onStage(match), "live", "currentColor");
    if (now.returns && match.error > 0) {
      back ??= match.back;
      lines.add(from, panes[image].onStage(match.back), "return", "currentColor");
    }
  }
  put(panes[image].end, pictures[image], back);
  control("low").textContent = range.low.toFixed(2);
  control("high").textContent = range.high.toFixed(2);
  speak(words.join(" "));
}

/** What stands below an image: numbers with their names. */
function readingOf(match) {
  if (match === null) return [["outside the mask", ""]];
  const score = ["score", match.score.toFixed(3)];
  if (match.x === null) return [score, ["no mutual match", ""]];
  const margin = match.margin === null ? [] : [["margin", match.margin.toFixed(3)]];
  const error = match.error === null ? "–" : `${match.error.toFixed(1)} px`;
  return [score, ...margin, ["there and back", error]];
}

function spokenMatch(match) {
  if (match === null) return "the place is outside the mask";
  if (match.x === null) return "no mutual match";
  return `x ${match.x.toFixed(0)}, y ${match.y.toFixed(0)}, score ${match.score.toFixed(2)}`;
}

let toSpeak = 0;
/** Tell screen readers where things are, once the pointer rests. */
function speak(text) {
  // Frames of other causes must not talk over what was said since.
  if (text === shown.words) return;
  shown.words = text;
  clearTimeout(toSpeak);
  toSpeak = setTimeout(() => (control("said").textContent = text), 400);
}

/** Whether a notebook shows the page, in a frame that has no address. */
const isFramed = location.protocol === "about:";

/** Tell the notebook around the page what is pinned, pointed at and set. */
function tell() {
  const { pins, ...settings } = state.now;
  const points = pins.map(({ byHand, ...pin }) => ({
    ...pin,
    targets: Object.entries(byHand).map(([image, { x, y }]) => ({ image: Number(image), x, y })),
  }));
  parent.postMessage({ descr: { points, pointer: state.pointer, settings } }, "*");
}

/** Take over what the notebook says, as one step. */
function takeOver({ points, pointer, settings }) {
  const pins = points?.map(({ targets, name, ...point }) => ({
    ...point,
    name: tidyName(name),
    byHand: Object.fromEntries(targets.map(({ image, x, y }) => [image, { x, y }])),
  }));
  state.set({ pins: pins ?? state.now.pins, ...settings });
  if (pointer) state.point(pointer);
}

let toRemember = 0;
/** Keep the link of the page, or the notebook around it, up to date, once nothing changes. */
function remember() {
  clearTimeout(toRemember);
  toRemember = setTimeout(() => {
    toRemember = 0;
    if (isFramed) return tell();
    const fragment = `#${state.fragment()}`;
    if (fragment !== location.hash) history.replaceState(null, "", fragment);
  }, 200);
}

/** A place to begin with: of some of the first image the one whose match stands out the most. */
function clearestPlace() {
  const picture = pictures[0];
  let [clearest, widest] = [picture.centre(panes[0].middle()), -Infinity];
  for (let row = 1; row < 8; row++) {
    for (let column = 1; column < 8; column++) {
      const [down, across] = [Math.floor((row * picture.rows) / 8), Math.floor((column * picture.columns) / 8)];
      const place = picture.centre(down * picture.columns + across);
      const match = roundTrip(0, place.x, place.y, 1, state.now);
      const isSound = match !== null && match.error !== null && match.error <= doubtful(picture);
      if (isSound && match.margin > widest) [clearest, widest] = [place, match.margin];
    }
  }
  return { image: 0, ...clearest };
}

function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function exportPins(suffix) {
  const [from, to] = controls.ends;
  const matches = matchRows(state.now.pins, from, to, state.now);
  if (matches.length === 0) return say(`No pin is in ${pictures[from].name}`);
  const stem = (place) => pictures[place].name.replace(/\.\w+$/, "");
  const name = `${stem(from)}-${stem(to)}.${suffix}`;
  if (suffix === "csv") download(name, "text/csv", matchesAsCsv(matches));
  else download(name, "application/json", matchesAsJson(matches, from, to, state.now));
  return say(`Saved ${matches.length} pins as ${name}`);
}

async function importPins(file) {
  const [from, to] = controls.ends;
  try {
    if (file.size > MOST_BYTES) throw new Error("the file is too large to be one of points");
    const points = readPoints(await file.text(), pictures[from], pictures[to]);
    const pins = [...state.now.pins, ...points];
    if (pins.length > MOST_PINS) throw new Error(`there would be more than ${MOST_PINS} pins`);
    state.set({ pins });
    say(`${points.length} pins of ${file.name} in ${pictures[from].name}`);
  } catch (error) {
    say(`${file.name}: ${error.message}`);
  }
}

function listen() {
  control("csv").addEventListener("click", () => exportPins("csv"));
  control("json").addEventListener("click", () => exportPins("json"));
  control("upload").addEventListener("click", () => control("file").click());
  control("file").addEventListener("change", ({ target }) => {
    if (target.files.length > 0) importPins(target.files[0]);
    target.value = "";
  });
  control("link").addEventListener("click", async () => {
    history.replaceState(null, "", `#${state.fragment()}`);
    try {
      await navigator.clipboard.writeText(location.href);
      say("Link copied");
    } catch {
      say("The link is in the address bar");
    }
  });
  addEventListener("hashchange", () => state.restore(location.hash));
  addEventListener("message", ({ source, data }) => {
    if (isFramed && source === parent && data?.descr) takeOver(data.descr);
  });
  control("link").hidden = isFramed;
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input[type=text]")) return;
    const key = event.key.toLowerCase();
    if (key === "y" || (key === "z" && event.shiftKey)) state.redo();
    else if (key === "z") state.undo();
    else return;
    event.preventDefault();
  });
  const watch = new ResizeObserver(() => {
    for (const pane of panes) pane.measure(stage);
    schedule();
  });
  watch.observe(stage);
  for (const pane of panes) watch.observe(pane.view);
}

async function begin() {
  await Promise.all(pictures.map((picture) => picture.readMask()));
  controls = new Controls(state);
  panes = pictures.map((picture) => new Pane(picture, state, stage));
  stage.dataset.count = pictures.length;
  for (const pane of panes) pane.measure(stage);
  await Promise.all(panes.map((pane) => pane.photograph.decode()));
  state.restore(location.hash);
  if (!state.pointer) state.point(clearestPlace());
  listen();
  document.documentElement.dataset.ready = "true";
}

begin();
