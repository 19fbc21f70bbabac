"use strict";
// Pins as files, in the forms that descr writes and reads: CSV, and JSON with `matches`.

const COLUMNS = ["source_x", "source_y", "target_x", "target_y", "score", "margin", "round_trip_error"];
const DIGITS = { score: 5, margin: 5 };
const MOST_BYTES = 4_000_000;

/** A row for each pin of image `a`, in their order: where it is in image `b`. */
function matchRows(pins, a, b, settings) {
  const own = pins.filter((pin) => pin.image === a);
  const hasNames = own.some((pin) => pin.name);
  const hasHands = own.some((pin) => pin.byHand[b]);
  return own.map((pin) => {
    const match = roundTrip(a, pin.x, pin.y, b, settings, { place: pin.byHand[b] });
    const { x = null, y, score, margin, error } = match ?? {};
    const places = [pin.x, pin.y, ...(x === null ? Array(5).fill(null) : [x, y, score, margin, error])];
    const row = COLUMNS.map((name, at) => [
      name,
      places[at] === null ? null : rounded(places[at], DIGITS[name] ?? 3),
    ]);
    if (hasNames) row.unshift(["name", pin.name]);
    if (hasHands) row.push(["by_hand", Boolean(pin.byHand[b])]);
    return Object.fromEntries(row);
  });
}

const csvCell = (value) => {
  // Python writes True and False.
  const text = typeof value === "boolean" ? (value ? "True" : "False") : String(value ?? "");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

function matchesAsCsv(matches) {
  const columns = matches.length > 0 ? Object.keys(matches[0]) : COLUMNS;
  const lines = matches.map((row) => columns.map((name) => csvCell(row[name])).join());
  return [columns.join(), ...lines, ""].join("\n");
}

function matchesAsJson(matches, a, b, settings) {
  const about = ({ name, width, height }) => ({ image: name, width, height });
  const { matcher, margin, tolerance, temperature, window } = settings;
  const options = { nearest: {}, mutual: { tolerance }, "soft-argmax": { temperature, window } }[matcher];
  const document = {
    source: about(pictures[a]),
    target: about(pictures[b]),
    descriptor: page.descriptor,
    shares: Object.fromEntries(sources.map(({ name }, at) => [name, rounded(settings.shares[at], 4)])),
    matcher: { name: matcher, margin, ...options },
    matches,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/**
 * The pins of a text of CSV or JSON in an image, with what is set by hand in another.
 *
 * Throws an Error that says what is wrong with it.
 */
function readPoints(text, picture, other) {
  const points = /^\s*[[{]/.test(text) ? pointsOfJson(text) : pointsOfCsv(text);
  if (points.length === 0) throw new Error("the file holds no point");
  if (points.length > MOST_PINS) throw new Error(`the file holds more than ${MOST_PINS} points`);
  for (const [at, point] of points.entries()) {
    if (!Number.isFinite(point.x) || !Number.isFinite(point.y)) {
      throw new Error(`point ${at + 1}: x and y must be numbers`);
    }
    if (!picture.contains(point.x, point.y)) {
      throw new Error(`point ${at + 1} (${point.x}, ${point.y}) lies outside ${picture.name}`);
    }
  }
  return points.map(({ x, y, name, target }, at) => {
    if (target && !other.contains(target.x, target.y)) {
      throw new Error(`the target of point ${at + 1}, set by hand, lies outside ${other.name}`);
    }
    const byHand = target ? { [other.place]: target } : {};
    return { image: picture.place, x, y, name: tidyName(name), byHand };
  });
}

function pointsOfJson(text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error("the file is no JSON");
  }
  const strict = (value) => (typeof value === "number" ? value : NaN);
  const point = (at, name) => {
    const [x, y] = Array.isArray(at) ? at : [at?.x ?? at?.source_x, at?.y ?? at?.source_y];
    const target = at?.by_hand === true ? { x: strict(at.target_x), y: strict(at.target_y) } : null;
    return { x: strict(x), y: strict(y), name: String(at?.name ?? name), target };
  };
  if (!Array.isArray(document)) {
    const list = [document.points, document.matches].find(Array.isArray);
    if (!list) return Object.entries(document).map(([name, at]) => point(at, name));
    document = list;
  }
  return document.map((at) => point(at, ""));
}

function pointsOfCsv(text) {
  const lines = csvLines(text.replace(/^\ufeff/, ""));
  const isNumber = (cell) => cell !== undefined && cell !== "" && Number.isFinite(Number(cell));
  const number = (cell) => (isNumber(cell) ? Number(cell) : NaN);
  let columns = { x: 0, y: 1, name: 2 };
  if (lines.length > 0 && !(isNumber(lines[0][0]) && isNumber(lines[0][1]))) {
    const titles = lines.shift().map((title) => title.toLowerCase());
    const place = (...names) => names.map((name) => titles.indexOf(name)).find((at) => at >= 0) ?? -1;
    columns = { x: place("x", "source_x"), y: place("y", "source_y"), name: place("name") };
    for (const title of ["target_x", "target_y", "by_hand"]) columns[title] = place(title);
    if (columns.x < 0 || columns.y < 0) throw new Error("the file has no columns x and y");
  }
  return lines.map((cells) => ({
    x: number(cells[columns.x]),
    y: number(cells[columns.y]),
    name: cells[columns.name] ?? "",
    target: /^true$/i.test(cells[columns.by_hand] ?? "")
      ? { x: number(cells[columns.target_x]), y: number(cells[columns.target_y]) }
      : null,
  }));
}

/** The cells of each line; without empty lines and comments. */
function csvLines(text) {
  const lines = text.match(/(?:"(?:[^"]|"")*"|[^"\r\n])+/g) ?? [];
  return lines.filter((line) => !/^\s*(#|$)/.test(line)).map(csvCells);
}

/** The cells of a line, those in quotes without them. */
function csvCells(line) {
  const cells = [];
  const pattern = /\s*(?:"((?:[^"]|"")*)"|([^,]*?))\s*(,|$)/y;
  for (let cell = pattern.exec(line); cell !== null; cell = pattern.exec(line)) {
    cells.push(cell[1]?.replaceAll('""', '"') ?? cell[2]);
    if (cell[3] === "") break;
  }
  return cells;
}
