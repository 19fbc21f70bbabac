"use strict";
// What can be undone and linked to: the pins and the settings; and the pointer, which is only linked.

const MOST_PINS = 500;
const VIEWS = ["heat", "pca", "photograph"];
const MATCHERS = ["nearest", "mutual", "soft-argmax"];
const FLAGS = ["masks", "lines", "returns", "smooth", "full"];

const initial = {
  pins: [],
  shares: page.sources.map((source) => source.share),
  matcher: page.matcher.name,
  tolerance: page.matcher.tolerance ?? 0,
  temperature: page.matcher.temperature ?? 0.02,
  window: page.matcher.window === undefined ? 7 : page.matcher.window,
  margin: page.matcher.margin ?? 2,
  view: "heat",
  colors: page.colors[0],
  opacity: 0.8,
  masks: true,
  lines: true,
  returns: true,
  smooth: true,
  full: false,
  theme: "auto",
};

const limit = (value, low, high) => Math.min(Math.max(value, low), high);
const rounded = (value, digits) => Number(value.toFixed(digits));
/** The number that a text says; NaN for none, where Number would say 0. */
const numberOf = (text) => (/\S/.test(text) ? Number(text) : NaN);

/** The state of the page with its past and its future. */
class State {
  constructor(changed) {
    this.changed = changed;
    this.now = structuredClone(initial);
    this.pointer = null;
    this.past = [];
    this.future = [];
    this.version = 0;
  }

  /** Show other values, without a step that could be undone: a slider on its way. */
  show(values) {
    Object.assign(this.now, values);
    this.version++;
    this.changed();
  }

  /** Take other values over as one step. */
  set(values) {
    this.begin();
    this.show(values);
    this.end();
  }

  /** Remember how it was before the changes that follow. */
  begin() {
    this.before ??= JSON.stringify(this.now);
  }

  /** Make one step of all changes since `begin`. */
  end() {
    if (this.before !== undefined && this.before !== JSON.stringify(this.now)) {
      this.past.push(this.before);
      this.future.length = 0;
      this.version++;
    }
    this.before = undefined;
    this.changed();
  }

  undo() {
    this.step(this.past, this.future);
  }

  redo() {
    this.step(this.future, this.past);
  }

  step(from, to) {
    if (from.length === 0) return;
    to.push(JSON.stringify(this.now));
    // The theme is no step of the work.
    this.now = { ...JSON.parse(from.pop()), theme: this.now.theme };
    this.before = undefined;
    this.version++;
    this.changed();
  }

  point(pointer) {
    this.pointer = pointer;
    this.changed();
  }

  /** The state as the fragment of a link: what differs from the beginning. */
  fragment() {
    const words = new URLSearchParams();
    const { pointer, now } = this;
    if (pointer) words.set("at", [pointer.image, rounded(pointer.x, 3), rounded(pointer.y, 3)].join());
    if (now.pins.length > 0) {
      words.set("pins", now.pins.map(pinWord).join(";"));
    }
    for (const [key, value] of Object.entries(now)) {
      if (key === "pins" || JSON.stringify(value) === JSON.stringify(initial[key])) continue;
      if (key === "shares") words.set(key, value.map((share) => rounded(share, 4)).join());
      else words.set(key, value === null ? "all" : value === true ? "1" : value === false ? "0" : value);
    }
    return words.toString().replaceAll("%2C", ",").replaceAll("%3B", ";");
  }

  /** Take over what a fragment says; what makes no sense in it is left out. */
  restore(fragment) {
    const words = new URLSearchParams(fragment.replace(/^#/, ""));
    const next = structuredClone(initial);
    const number = (key, low, high) => {
      const value = numberOf(words.get(key) ?? "");
      if (Number.isFinite(value)) next[key] = limit(value, low, high);
    };
    const choice = (key, choices) => {
      if (choices.includes(words.get(key))) next[key] = words.get(key);
    };
    number("opacity", 0, 1);
    number("temperature", 0.001, 1);
    number("tolerance", 0, 20);
    number("window", 0, 30);
    number("margin", 0, 30);
    for (const key of ["tolerance", "window", "margin"]) next[key] = next[key] && Math.round(next[key]);
    if (words.get("window") === "all") next.window = null;
    choice("matcher", MATCHERS);
    choice("view", VIEWS);
    choice("colors", page.colors);
    choice("theme", ["auto", "light", "dark"]);
    for (const flag of FLAGS) if (words.has(flag)) next[flag] = words.get(flag) === "1";
    const shares = (words.get("shares") ?? "").split(",").map(numberOf);
    const total = shares.reduce((sum, share) => sum + share, 0);
    if (shares.length === sources.length && shares.every((share) => share >= 0) && total > 0 && total < Infinity) {
      next.shares = shares.map((share) => share / total);
    }
    next.pins = (words.get("pins") ?? "").split(";").map(parsePin).filter(Boolean).slice(0, MOST_PINS);
    const at = parsePin(words.get("at") ?? "");
    if (at) this.pointer = pointOf(at);
    this.now = next;
    [this.past, this.future, this.before] = [[], [], undefined];
    this.version++;
    this.changed();
  }
}

const pointOf = ({ image, x, y }) => ({ image, x, y });

/** A name as it may stand anywhere: one line of valid text. */
const tidyName = (text) =>
  String(text).slice(0, 200).replaceAll(/\p{Surrogate}/gu, "\ufffd").replaceAll(/[\s\p{Cc}]+/gu, " ").trim();

/** A pin in a link: `image,x,y`, its name where there is more, and `image,x,y` of what is set by hand. */
function pinWord({ image, x, y, name, byHand }) {
  const places = [[image, { x, y }], ...Object.entries(byHand)];
  const texts = places.map(([at, place]) => [at, rounded(place.x, 3), rounded(place.y, 3)].join());
  if (name || texts.length > 1) texts.splice(1, 0, encodeURIComponent(name));
  return texts.join();
}

/** The point that three words say; null if it is none of an image here. */
function parsePoint(words) {
  const [image, x, y] = words.map(numberOf);
  return pictures[image]?.contains(x, y) ? { image, x, y } : null;
}

/** The pin that a word of a link says, or null. */
function parsePin(text) {
  const words = text.split(",");
  const point = parsePoint(words.slice(0, 3));
  if (!point) return null;
  const pin = { ...point, name: "", byHand: {} };
  try {
    pin.name = tidyName(decodeURIComponent(words[3] ?? ""));
  } catch {
    // A name that can't be read is none.
  }
  for (let at = 4; at + 3 <= words.length && at < 4 + 3 * pictures.length; at += 3) {
    const place = parsePoint(words.slice(at, at + 3));
    if (place && place.image !== pin.image) pin.byHand[place.image] = { x: place.x, y: place.y };
  }
  return pin;
}
