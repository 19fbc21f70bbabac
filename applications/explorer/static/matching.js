"use strict";
// Where a place of one image is in another: the definitions of descr.matchers, in the browser.

const scratch = pictures.map((picture) => [0, 1].map(() => new Float64Array(picture.count)));

/** The cell of the highest cosine, the first of them where several are equal; -1 if none. */
function bestCell(cosines, inside) {
  let [best, highest] = [-1, -Infinity];
  for (let cell = 0; cell < cosines.length; cell++) {
    // As a matcher does: a score is a number of 32 bits, and the first of equal ones is taken.
    if (cosines[cell] > highest && (inside === null || inside[cell])) {
      const score = Math.fround(cosines[cell]);
      if (score > highest) [best, highest] = [cell, score];
    }
  }
  return best;
}

/** How far the best cosine lies above the best of cells more than `radius` away; null without one. */
function marginOf(cosines, best, picture, inside, radius) {
  const { columns } = picture;
  const [row, column] = [Math.floor(best / columns), best % columns];
  let other = -Infinity;
  for (let cell = 0, down = 0; down < picture.rows; down++) {
    const isNear = Math.abs(down - row) <= radius;
    for (let across = 0; across < columns; across++, cell++) {
      if (isNear && Math.abs(across - column) <= radius) continue;
      if (cosines[cell] > other && (inside === null || inside[cell])) other = cosines[cell];
    }
  }
  return other === -Infinity ? null : cosines[best] - other;
}

/** How good a cell is as an answer. */
const ratingOf = (cosines, cell, picture, inside, radius) => ({
  score: Math.min(Math.max(Math.fround(cosines[cell]), -1), 1),
  margin: marginOf(cosines, cell, picture, inside, radius),
});

/** The expectation of position under a softmax of the cosines in a window around a cell. */
function expectedPlace(cosines, best, picture, inside, temperature, window) {
  const { rows: height, columns } = picture;
  const radius = window === null ? Math.max(height, columns) : window;
  const [row, column] = [Math.floor(best / columns), best % columns];
  const highest = cosines[best];
  let [total, x, y] = [0, 0, 0];
  for (let down = Math.max(0, row - radius); down <= Math.min(height - 1, row + radius); down++) {
    for (let across = Math.max(0, column - radius); across <= Math.min(columns - 1, column + radius); across++) {
      const cell = down * columns + across;
      if (inside !== null && !inside[cell]) continue;
      const weight = Math.exp((cosines[cell] - highest) / temperature);
      total += weight;
      x += weight * (picture.x[across] - picture.x[column]);
      y += weight * (picture.y[down] - picture.y[row]);
    }
  }
  return { x: picture.x[column] + x / total, y: picture.y[row] + y / total };
}

/** The cells that matches are sought among, or null for all of them. */
const insideOf = (place, settings) => (settings.masks ? pictures[place].inside : null);

/** Chebyshev distance between two cells of a grid. */
function cellsApart(picture, first, second) {
  const { columns } = picture;
  const down = Math.floor(first / columns) - Math.floor(second / columns);
  return Math.max(Math.abs(down), Math.abs((first % columns) - (second % columns)));
}

/**
 * The match in image `b` of a point of image `a`, by the settings; the same with `cosines` there.
 *
 * Gives null for a point outside the mask. `x` and `y` are null where there is no match.
 */
function matchPoint(a, x, y, b, settings, cosines = null, anywhere = false) {
  if (settings.masks && !anywhere && !pictures[a].isInside(x, y)) return null;
  const inside = insideOf(b, settings);
  const row = cosines ?? fillCosines(a, x, y, b, settings.shares, scratch[b][0]);
  const best = bestCell(row, inside);
  const target = pictures[b];
  const match = { ...target.centre(best), ...ratingOf(row, best, target, inside, settings.margin) };
  if (settings.matcher === "soft-argmax") {
    const { temperature, window } = settings;
    return { ...match, ...expectedPlace(row, best, target, inside, temperature, window) };
  }
  if (settings.matcher === "mutual") {
    const { x: from, y: down } = target.centre(best);
    const back = fillCosines(b, from, down, a, settings.shares, scratch[a][1]);
    const end = bestCell(back, insideOf(a, settings));
    const apart = cellsApart(pictures[a], pictures[a].cellAt(x, y), end);
    if (apart > settings.tolerance) return { ...match, x: null, y: null };
  }
  return match;
}

/** The match that somebody set by hand, rated by the cell that holds its place. */
function matchByHand(a, x, y, b, place, settings) {
  const row = fillCosines(a, x, y, b, settings.shares, scratch[b][0]);
  const target = pictures[b];
  const cell = target.cellAt(place.x, place.y);
  return { ...place, ...ratingOf(row, cell, target, insideOf(b, settings), settings.margin), isByHand: true };
}

/**
 * A match with the place where the same matcher leads back to, and how far that is off.
 *
 * It is that of the matcher, or the one set by hand at `place`.
 */
function roundTrip(a, x, y, b, settings, { cosines = null, place = null } = {}) {
  const match = place ? matchByHand(a, x, y, b, place, settings) : matchPoint(a, x, y, b, settings, cosines);
  if (match === null) return null;
  match.back = null;
  match.error = null;
  if (match.x !== null && pictures[b].contains(match.x, match.y)) {
    const back = matchPoint(b, match.x, match.y, a, settings, null, true);
    if (back.x !== null) {
      match.back = { x: back.x, y: back.y };
      match.error = Math.hypot(back.x - x, back.y - y);
    }
  }
  return match;
}
