"use strict";
// Pins as files, in the forms that descr writes and reads: CSV, and JSON with `matches`.

const COLUMNS = ["source_x", "source_y", "target_x", "target_y", "score", "round_trip_error"];

/** A row for each pin of image `a`, in their order: where it is in image `b`. */
function matchRows(pins, a, b, settings) {
  const own = pins.filter((pin) => pin.image === a);
  const hasNames = own.some((pin) => pin.name);
  return own.map((pin) => {
    const match = roundTrip(a, pin.x, pin.y, b, settings);
    const lost = match === null || match.x === null;
    const places = [pin.x, pin.y, ...(lost ? [null, null, null, null] : [match.x, match.y, match.score, match.error])];
    const row = COLUMNS.map((name, at) => {
      const digits = name === "score" ? 5 : 3;
      return [name, places[at] === null ? null : rounded(places[at], digits)];
    });
    return Object.fromEntries(hasNames ? [["name", pin.name], ...row] : row);
  });
}

const csvCell = (value) => {
  const text = value === null ? "" : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

function matchesAsCsv(matches) {
  const columns = matches.length > 0 ? Object.keys(matches[0]) : COLUMNS;
  const lines = matches.map((row) => columns.map((name) => csvCell(row[name])).join());
  return [columns.join(), ...lines, ""].join("\n");
}

function matchesAsJson(matches, a, b, settings) {
  const about = ({ name, width, height }) => ({ image: name, width, height });
  const { matcher, tolerance, temperature, window } = settings;
  const options = { nearest: {}, mutual: { tolerance }, "soft-argmax": { temperature, window } }[matcher];
  const document = {
    source: about(pictures[a]),
    target: about(pictures[b]),
    descriptor: page.descriptor,
    shares: Object.fromEntries(sources.map(({ name }, at) => [name, rounded(settings.shares[at], 4)])),
    matcher: { name: matcher, ...options },
    matches,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The points of a text of CSV or JSON; throws an Error that says what is wrong with it. */
function readPoints(text, picture) {
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
  return points;
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
    return { x: strict(x), y: strict(y), name: String(at?.name ?? name) };
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
  let columns = { x: 0, y: 1, name: 2 };
  if (lines.length > 0 && !(isNumber(lines[0][0]) && isNumber(lines[0][1]))) {
    const titles = lines.shift().map((title) => title.toLowerCase());
    const place = (...names) => names.map((name) => titles.indexOf(name)).find((at) => at >= 0) ?? -1;
    columns = { x: place("x", "source_x"), y: place("y", "source_y"), name: place("name") };
    if (columns.x < 0 || columns.y < 0) throw new Error("the file has no columns x and y");
  }
  return lines.map((cells) => ({
    x: isNumber(cells[columns.x]) ? Number(cells[columns.x]) : NaN,
    y: isNumber(cells[columns.y]) ? Number(cells[columns.y]) : NaN,
    name: cells[columns.name] ?? "",
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
