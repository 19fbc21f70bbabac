"use strict";
// Heat maps and components over the images, what lies outside masks, and lines between images.

/** The 256 colours of a map as numbers of RGBA in memory order, ever more opaque. */
function colorTable(name) {
  const bytes = blockBytes(`colors-${name}`);
  const table = new Uint8ClampedArray(4 * 256);
  for (let at = 0; at < 256; at++) {
    table.set(bytes.subarray(3 * at, 3 * at + 3), 4 * at);
    // What is unlike lets the photograph through; what is alike glows.
    table[4 * at + 3] = 255 * (0.6 + 0.4 * Math.min(1, at / 128));
  }
  return new Uint32Array(table.buffer);
}

const colorTables = Object.fromEntries(page.colors.map((name) => [name, colorTable(name)]));

/**
 * Widen a range so that it reaches from the mean cosine of an image to its highest.
 *
 * Half of the cells are then as dark as can be, and what is left shows differences among the rest.
 */
function widenRange(range, cosines, inside) {
  let [sum, count, highest] = [0, 0, -1];
  for (let cell = 0; cell < cosines.length; cell++) {
    if (inside !== null && !inside[cell]) continue;
    sum += cosines[cell];
    count++;
    if (cosines[cell] > highest) highest = cosines[cell];
  }
  range.low = Math.min(range.low, sum / count);
  range.high = Math.max(range.high, highest);
}

/** A layer of one colour per cell over an image; cells at the edge go on to the border. */
class CellLayer {
  constructor(canvas, picture) {
    this.canvas = canvas;
    this.picture = picture;
    const { columns, rows: height, stepX, stepY, width } = picture;
    [canvas.width, canvas.height] = [columns + 2, height + 2];
    this.context = canvas.getContext("2d");
    this.image = this.context.createImageData(columns + 2, height + 2);
    this.pixels = new Uint32Array(this.image.data.buffer);
    const share = (pixels, side) => `${(100 * pixels) / side}%`;
    canvas.style.left = share(picture.x[0] - 1.5 * stepX + 0.5, width);
    canvas.style.top = share(picture.y[0] - 1.5 * stepY + 0.5, picture.height);
    canvas.style.width = share((columns + 2) * stepX, width);
    canvas.style.height = share((height + 2) * stepY, picture.height);
  }

  paintCosines(cosines, { low, high }, table) {
    const { columns, rows: height } = this.picture;
    const scale = high > low ? 255 / (high - low) : 0;
    for (let at = 0, down = -1; down <= height; down++) {
      const start = Math.min(Math.max(down, 0), height - 1) * columns;
      for (let across = -1; across <= columns; across++, at++) {
        const column = across < 0 ? 0 : across < columns ? across : columns - 1;
        const level = (cosines[start + column] - low) * scale;
        this.pixels[at] = table[level < 0 ? 0 : level > 255 ? 255 : level | 0];
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }

  paintColors(colors) {
    const { columns, rows: height } = this.picture;
    const { data } = this.image;
    for (let at = 0, down = -1; down <= height; down++) {
      const start = Math.min(Math.max(down, 0), height - 1) * columns;
      for (let across = -1; across <= columns; across++, at += 4) {
        const cell = 3 * (start + Math.min(Math.max(across, 0), columns - 1));
        for (let band = 0; band < 3; band++) data[at + band] = colors[cell + band];
        data[at + 3] = 255;
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }
}

/** Darken what lies outside the mask of an image. */
function paintOutside(canvas, picture) {
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(picture.width, picture.height);
  for (let at = 0; at < picture.maskPixels.length; at++) {
    image.data[4 * at + 3] = picture.maskPixels[at] ? 0 : 190;
  }
  context.putImageData(image, 0, 0);
}

/** Lines over the whole stage; elements are made once and used again. */
class Lines {
  constructor(svg) {
    this.svg = svg;
    this.used = 0;
  }

  begin() {
    this.used = 0;
  }

  add(from, to, kind, color) {
    let line = this.svg.children[this.used];
    if (!line) {
      line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      this.svg.append(line);
    }
    this.used++;
    line.setAttribute("class", kind);
    line.setAttribute("stroke", color);
    [line.x1, line.y1, line.x2, line.y2].forEach((end, at) => {
      end.baseVal.value = [from.x, from.y, to.x, to.y][at];
    });
  }

  end() {
    while (this.svg.children.length > this.used) this.svg.lastChild.remove();
  }
}
