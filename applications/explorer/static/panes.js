"use strict";
// One pane for each image: what is drawn over it, and the pointer, the keys and the pins in it.

const TAP = 6; // pixels that a pointer may move while it taps
const DOUBLE = 500; // milliseconds between two taps that are one double tap, at most

/** An element at a place of the image, in pixels. */
function put(element, picture, place) {
  element.hidden = place === null || place.x === null;
  if (element.hidden) return;
  element.style.left = `${(100 * (place.x + 0.5)) / picture.width}%`;
  element.style.top = `${(100 * (place.y + 0.5)) / picture.height}%`;
}

const pinColor = (at) => page.pins[at % page.pins.length];

class Pane {
  constructor(picture, state, stage) {
    this.picture = picture;
    this.state = state;
    const figure = document.getElementById("pane").content.firstElementChild.cloneNode(true);
    const part = (name) => figure.querySelector(`.${name}`);
    this.figure = figure;
    this.view = part("view");
    this.marks = part("marks");
    this.reading = part("reading");
    [this.cursor, this.best, this.end] = ["cursor", "best", "end"].map(part);
    this.photograph = part("photograph");
    this.photograph.src = `data:image/jpeg;base64,${blockText(`photograph-${picture.place}`)}`;
    this.layer = new CellLayer(part("cells"), picture);
    this.outside = part("outside");
    this.outside.hidden = !picture.mask;
    if (picture.mask) paintOutside(this.outside, picture);
    part("name").textContent = picture.name;
    part("size").textContent = `${picture.width} × ${picture.height}`;
    figure.style.setProperty("--aspect", picture.width / picture.height);
    this.view.setAttribute(
      "aria-label",
      `Image ${picture.place + 1} of ${pictures.length}: ${picture.name}. ` +
        "Arrow keys move by a cell, Enter pins.",
    );
    stage.append(figure);
    this.pins = [];
    this.listen();
  }

  /** Where a place of the image is on the stage, in pixels of the screen. */
  onStage({ x, y }) {
    const { left, top, width, height } = this.box;
    return {
      x: left + (width * (x + 0.5)) / this.picture.width,
      y: top + (height * (y + 0.5)) / this.picture.height,
    };
  }

  measure(stage) {
    const [own, whole] = [this.view, stage].map((one) => one.getBoundingClientRect());
    this.box = { left: own.left - whole.left, top: own.top - whole.top, width: own.width, height: own.height };
  }

  /** The point of the image under a pointer; of its border where the pointer is outside. */
  pointUnder(event) {
    const box = this.view.getBoundingClientRect();
    const { width, height } = this.picture;
    const x = ((event.clientX - box.left) / box.width) * width - 0.5;
    const y = ((event.clientY - box.top) / box.height) * height - 0.5;
    return { x: limit(x, -0.5, width - 0.5), y: limit(y, -0.5, height - 0.5) };
  }

  /** The centre of the cell that holds a point. */
  centreAt({ x, y }) {
    const { picture } = this;
    return { image: picture.place, ...picture.centre(picture.cellAt(x, y)) };
  }

  cellUnder(event) {
    return this.centreAt(this.pointUnder(event));
  }

  listen() {
    const { view, state } = this;
    let start = null;
    let lastTap = { time: -Infinity };
    view.addEventListener("pointermove", (event) => {
      if (start && event.pointerId !== start.id) return;
      if (start) start.moved ||= Math.hypot(event.clientX - start.x, event.clientY - start.y) > TAP;
      if (start?.pin !== undefined) {
        if (start.moved) this.drag(start.pin, this.pointUnder(event));
      } else if (event.pointerType !== "touch" || start) state.point(this.cellUnder(event));
    });
    view.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      if (start && !event.isPrimary) {
        // A second finger moves or widens the page: neither of the two taps.
        start.moved = true;
        return;
      }
      const pin = event.target.closest(".pin")?.dataset.pin;
      start = { id: event.pointerId, x: event.clientX, y: event.clientY, moved: false, pin: pin && Number(pin) };
      view.setPointerCapture(event.pointerId);
      if (pin === undefined) state.point(this.cellUnder(event));
    });
    view.addEventListener("pointerup", (event) => {
      if (event.pointerId !== start?.id) return;
      const { moved, pin } = start;
      start = null;
      if (moved) {
        state.end();
        if (pin !== undefined) this.sayPlace(pin);
      } else if (pin === undefined) addPin(this.cellUnder(event));
      else if (state.now.pins[pin]) {
        state.point(pointOf(state.now.pins[pin]));
        if (pin === lastTap.pin && event.timeStamp - lastTap.time < DOUBLE) releasePin(pin, this.picture.place);
        lastTap = { pin, time: event.timeStamp };
      }
    });
    view.addEventListener("pointercancel", (event) => {
      if (event.pointerId !== start?.id) return;
      start = null;
      state.end();
    });
    view.addEventListener("focus", () => {
      if (state.pointer?.image !== this.picture.place && view.matches(":focus-visible")) {
        state.point({ image: this.picture.place, ...this.picture.centre(this.middle()) });
      }
    });
    view.addEventListener("keydown", (event) => this.press(event));
  }

  middle() {
    const { rows: height, columns } = this.picture;
    return Math.floor(height / 2) * columns + Math.floor(columns / 2);
  }

  /** Let a pin of this image be at a point, at the centre of its cell; or the match of another one. */
  drag(at, point) {
    const { state, picture } = this;
    const pin = state.now.pins[at];
    if (!pin) return; // It was removed, or taken back, on the way.
    state.begin();
    if (pin.image === picture.place) state.show({ pins: pinsWith(at, this.centreAt(point)) });
    else state.show({ pins: pinsByHand(at, picture.place, point) });
    state.point(pointOf(state.now.pins[at]));
  }

  /** Tell where the match of a pin is set by hand. */
  sayPlace(at) {
    const place = this.state.now.pins[at]?.byHand[this.picture.place];
    if (place) say(`Pin ${at + 1} in ${this.picture.name} set by hand to x ${place.x.toFixed(1)}, y ${place.y.toFixed(1)}`);
  }

  /** A place by so many steps from another: by cells, or by pixels, which Shift makes cells. */
  pointBy([across, down], from, isFine, hasShift) {
    const { picture } = this;
    if (isFine) {
      const [x, y] = hasShift ? [picture.stepX, picture.stepY] : [1, 1];
      return {
        x: limit(from.x + across * x, -0.5, picture.width - 0.5),
        y: limit(from.y + down * y, -0.5, picture.height - 0.5),
      };
    }
    const cell = picture.cellAt(from.x, from.y);
    const times = hasShift ? 5 : 1;
    const column = limit((cell % picture.columns) + times * across, 0, picture.columns - 1);
    const row = limit(Math.floor(cell / picture.columns) + times * down, 0, picture.rows - 1);
    return picture.centre(row * picture.columns + column);
  }

  press(event) {
    const { picture, state } = this;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const button = event.target.closest(".pin");
    const at = button ? Number(button.dataset.pin) : -1;
    const pin = state.now.pins[at];
    const isTarget = pin !== undefined && pin.image !== picture.place;
    if (event.key === "Delete" || event.key === "Backspace") {
      if (isTarget) releasePin(at, picture.place);
      else {
        removePin(pin ? at : state.now.pins.findLastIndex((one) => one.image === picture.place));
        this.view.focus();
      }
    } else if (step && pin) {
      // What no frame has drawn yet counts too: keys may come faster.
      const from = isTarget ? (pin.byHand[picture.place] ?? shown.matches[at]?.[picture.place] ?? pin) : pin;
      this.drag(at, this.pointBy(step, from, isTarget, event.shiftKey));
      state.end();
      this.sayPlace(at);
    } else if (step) {
      const from = state.pointer?.image === picture.place ? state.pointer : picture.centre(this.middle());
      state.point({ image: picture.place, ...this.pointBy(step, from, false, event.shiftKey) });
    } else if (event.key === "Enter" || event.key === " ") {
      if (!button && state.pointer && !event.repeat) addPin(state.pointer);
    } else return;
    event.preventDefault();
  }

  /** Numbers with their names below the image. */
  showReading(words) {
    while (this.reading.children.length > words.length) this.reading.lastChild.remove();
    while (this.reading.children.length < words.length) {
      const word = document.createElement("span");
      word.append(document.createElement("i"), document.createElement("b"));
      this.reading.append(word);
    }
    words.forEach(([name, value], at) => {
      const [first, second] = this.reading.children[at].children;
      [first.textContent, second.textContent] = [name, value];
    });
  }

  /** Show the pins: those of this image, and where those of others are in it. */
  showPins(pins, matches) {
    while (this.pins.length < pins.length) {
      const pin = document.createElement("button");
      pin.type = "button";
      pin.dataset.pin = this.pins.length;
      pin.textContent = this.pins.length + 1;
      pin.style.setProperty("--pin", pinColor(this.pins.length));
      this.marks.append(pin);
      this.pins.push(pin);
    }
    while (this.pins.length > pins.length) this.pins.pop().remove();
    for (const [at, pin] of pins.entries()) {
      const isSource = pin.image === this.picture.place;
      const match = isSource ? pin : matches[at][this.picture.place];
      const button = this.pins[at];
      const kind = match?.isByHand ? " by-hand" : isDoubtfulMatch(match, pin) ? " doubtful" : "";
      button.className = `pin ${isSource ? "source" : `target${kind}`}`;
      const label = `${isSource ? "Pin" : "Match of pin"} ${at + 1}${pin.name ? `, ${pin.name},` : ""} in ${this.picture.name}`;
      const help = isSource
        ? ". Arrow keys move it, Delete removes it."
        : match?.isByHand
          ? ", set by hand. Arrow keys move it, Delete computes it again."
          : ". Arrow keys correct it.";
      button.setAttribute("aria-label", label + help);
      button.title = pin.name;
      put(button, this.picture, match);
    }
  }
}

/** The error of a way there and back from which on a match is drawn hollow: two cells. */
const doubtful = (picture) => 2 * Math.hypot(picture.stepX, picture.stepY);

/** Whether a computed match of a pin is drawn so. */
const isDoubtfulMatch = (match, pin) => match !== null && !match.isByHand && !(match.error <= doubtful(pictures[pin.image]));
