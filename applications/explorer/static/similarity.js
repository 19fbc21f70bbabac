"use strict";
// Cosines of a place of one image with all cells of another: exact sums of whole numbers.

/** Dot products of one cell with all `count` cells, whole numbers of at most 8 bits each. */
function dotProducts(query, cell, cells, count, components, out) {
  const from = cell * components;
  const even = components & ~3;
  for (let other = 0, at = 0; other < count; other++) {
    let [first, second, at2] = [0, 0, from];
    for (const end = from + even; at2 < end; at2 += 4, at += 4) {
      first = (first + Math.imul(query[at2], cells[at]) + Math.imul(query[at2 + 1], cells[at + 1])) | 0;
      second = (second + Math.imul(query[at2 + 2], cells[at + 2]) + Math.imul(query[at2 + 3], cells[at + 3])) | 0;
    }
    for (const end = from + components; at2 < end; at2++, at++) {
      first = (first + Math.imul(query[at2], cells[at])) | 0;
    }
    out[other] = first + second;
  }
}

/** Rows of cosines by source, the last of them kept: pins and sliders ask for them again. */
class Rows {
  constructor(kept) {
    this.kept = kept;
    this.rows = new Map();
  }

  /** The cosines of a cell of image `a` with all cells of image `b`, by one source. */
  of(source, a, cell, b) {
    const key = ((source * pictures.length + a) * pictures.length + b) * 2 ** 32 + cell;
    let row = this.rows.get(key);
    if (row !== undefined) {
      this.rows.delete(key);
    } else {
      row = this.unused(pictures[b].count);
      const { of, components } = sources[source];
      dotProducts(of[a].cells, cell, of[b].cells, pictures[b].count, components, row);
      const length = of[a].lengths[cell];
      for (let at = 0; at < row.length; at++) row[at] /= length * of[b].lengths[at];
    }
    this.rows.set(key, row);
    return row;
  }

  /** Room for a row: that of the one which was not asked for the longest, if it is as long. */
  unused(length) {
    if (this.rows.size < this.kept) return new Float64Array(length);
    const [oldest, row] = this.rows.entries().next().value;
    this.rows.delete(oldest);
    return row.length === length ? row : new Float64Array(length);
  }
}

const rows = new Rows(512);

/** The cosine of two cells of one image, with the sources at their shares. */
function cosineOfCells(place, first, second, shares) {
  let cosine = 0;
  sources.forEach(({ of, components }, number) => {
    const { cells, lengths } = of[place];
    let sum = 0;
    for (let at = 0; at < components; at++) {
      sum += cells[first * components + at] * cells[second * components + at];
    }
    cosine += (shares[number] * sum) / (lengths[first] * lengths[second]);
  });
  return cosine;
}

/**
 * Fill `out` with the cosines of a point of image `a` with all cells of image `b`.
 *
 * Sources count by their shares, which sum to 1. Between the centres of cells the features are
 * read bilinearly and scaled to length 1, which needs nothing but cosines of cells.
 */
function fillCosines(a, x, y, b, shares, out) {
  const corners = pictures[a].corners(x, y);
  out.fill(0);
  for (const { cell, weight } of corners) {
    for (let source = 0; source < sources.length; source++) {
      const share = weight * shares[source];
      if (share === 0) continue;
      const row = rows.of(source, a, cell, b);
      for (let at = 0; at < row.length; at++) out[at] += share * row[at];
    }
  }
  if (corners.length === 1) return out;
  let squares = 0;
  for (const one of corners) {
    for (const two of corners) {
      squares += one.weight * two.weight * cosineOfCells(a, one.cell, two.cell, shares);
    }
  }
  const length = Math.sqrt(squares);
  for (let at = 0; at < out.length; at++) out[at] /= length;
  return out;
}
