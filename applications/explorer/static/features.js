"use strict";
// What the page holds: images with their grids and masks, and the packed features of each source.

const page = JSON.parse(document.getElementById("document").textContent);

/** The text of a block of the page: base64. */
const blockText = (id) => document.getElementById(id).textContent;

/** The bytes of a block of the page. */
function blockBytes(id) {
  const text = atob(blockText(id));
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Cells below and above a position on one axis, and the share of the upper one. */
function bracket(centres, position) {
  const last = centres.length - 1;
  let upper = 1;
  while (upper < last && centres[upper] < position) upper++;
  upper = Math.min(upper, last);
  const lower = Math.max(upper - 1, 0);
  const gap = centres[upper] - centres[lower];
  const share = gap > 0 ? (position - centres[lower]) / gap : 0;
  return { lower, upper, share: Math.min(Math.max(share, 0), 1) };
}

/** One image: its size in pixels, the centres of its cells, and where its mask is. */
class Picture {
  constructor(description, place) {
    Object.assign(this, description);
    this.place = place;
    this.rows = this.y.length;
    this.columns = this.x.length;
    this.count = this.rows * this.columns;
    this.stepX = this.columns > 1 ? (this.x.at(-1) - this.x[0]) / (this.columns - 1) : this.width;
    this.stepY = this.rows > 1 ? (this.y.at(-1) - this.y[0]) / (this.rows - 1) : this.height;
    this.inside = this.mask ? blockBytes(`inside-${place}`) : null;
    this.maskPixels = null;
  }

  /** The centre of a cell. */
  centre(cell) {
    return { x: this.x[cell % this.columns], y: this.y[Math.floor(cell / this.columns)] };
  }

  /** The cell that holds a point. */
  cellAt(x, y) {
    const [across, down] = [bracket(this.x, x), bracket(this.y, y)];
    const column = across.share < 0.5 ? across.lower : across.upper;
    const row = down.share < 0.5 ? down.lower : down.upper;
    return row * this.columns + column;
  }

  /** The cells around a point with their bilinear weights, those of weight 0 left out. */
  corners(x, y) {
    const [across, down] = [bracket(this.x, x), bracket(this.y, y)];
    const corners = [];
    for (const [row, far] of [[down.lower, 1 - down.share], [down.upper, down.share]]) {
      for (const [column, wide] of [[across.lower, 1 - across.share], [across.upper, across.share]]) {
        if (far * wide > 0) corners.push({ cell: row * this.columns + column, weight: far * wide });
      }
    }
    return corners;
  }

  /** Whether a point lies in the image, which reaches half a pixel beyond its outer centres. */
  contains(x, y) {
    return x >= -0.5 && y >= -0.5 && x <= this.width - 0.5 && y <= this.height - 0.5;
  }

  /** Whether the pixel nearest a point lies in the mask. */
  isInside(x, y) {
    if (!this.mask) return true;
    const clip = (at, length) => Math.min(Math.max(Math.floor(at + 0.5), 0), length - 1);
    return this.maskPixels[clip(y, this.height) * this.width + clip(x, this.width)] !== 0;
  }

  /** Read the mask; true where it is white. */
  async readMask() {
    if (!this.mask) return;
    const image = new Image();
    image.src = `data:image/png;base64,${blockText(`mask-${this.place}`)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [this.width, this.height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, this.width, this.height);
    this.maskPixels = new Uint8Array(this.width * this.height);
    for (let at = 0; at < this.maskPixels.length; at++) this.maskPixels[at] = data[4 * at] > 127;
  }
}

const pictures = page.images.map((description, place) => new Picture(description, place));

/** The features of one source: whole numbers, cell by cell, and the length of each cell. */
const sources = page.sources.map((source, number) => ({
  ...source,
  of: pictures.map((picture) => {
    const cells = new Int8Array(blockBytes(`features-${number}-${picture.place}`).buffer);
    const lengths = new Float64Array(picture.count);
    for (let cell = 0, at = 0; cell < picture.count; cell++) {
      let squares = 0;
      for (const end = at + source.components; at < end; at++) squares += cells[at] * cells[at];
      lengths[cell] = Math.sqrt(squares);
    }
    return { cells, lengths };
  }),
}));
