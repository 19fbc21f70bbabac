"use strict";
// One pane for each image: what is drawn over it, and the pointer, the keys and the pins in it.

const TAP = 6; // pixels that a pointer may move while it taps

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

  /** The centre of the cell under a pointer. */
  cellUnder(event) {
    const box = this.view.getBoundingClientRect();
    const { picture } = this;
    const x = ((event.clientX - box.left) / box.width) * picture.width - 0.5;
    const y = ((event.clientY - box.top) / box.height) * picture.height - 0.5;
    return { image: picture.place, ...picture.centre(picture.cellAt(x, y)) };
  }

  listen() {
    const { view, state } = this;
    let start = null;
    view.addEventListener("pointermove", (event) => {
      if (start) start.moved ||= Math.hypot(event.clientX - start.x, event.clientY - start.y) > TAP;
      if (this.dragged !== undefined) {
        if (start?.moved) this.drag(event);
      } else if (event.pointerType === "mouse" || start) state.point(this.cellUnder(event));
    });
    view.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      start = { x: event.clientX, y: event.clientY, moved: false };
      const pin = event.target.closest(".pin");
      view.setPointerCapture(event.pointerId);
      if (pin) {
        [this.dragged, this.isSource] = [Number(pin.dataset.pin), pin.classList.contains("source")];
        state.begin();
      } else state.point(this.cellUnder(event));
    });
    view.addEventListener("pointerup", (event) => {
      if (!start) return;
      const { moved } = start;
      start = null;
      if (this.dragged !== undefined) {
        if (!moved) state.point(pointOf(state.now.pins[this.dragged]));
        this.dragged = undefined;
        state.end();
      } else if (!moved) addPin(this.cellUnder(event));
    });
    view.addEventListener("pointercancel", () => {
      [start, this.dragged] = [null, undefined];
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

  drag(event) {
    const pins = this.state.now.pins.slice();
    if (!this.isSource) return;
    pins[this.dragged] = { ...pins[this.dragged], ...this.cellUnder(event) };
    this.state.show({ pins });
    this.state.point(pointOf(pins[this.dragged]));
  }

  press(event) {
    const { picture, state } = this;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const pin = event.target.closest(".pin.source");
    if (event.key === "Delete" || event.key === "Backspace") {
      const { pins } = state.now;
      const last = pins.findLastIndex((one) => one.image === picture.place);
      removePin(pin ? Number(pin.dataset.pin) : last);
      this.view.focus();
    } else if (step) {
      const at = pin ? state.now.pins[Number(pin.dataset.pin)] : state.pointer;
      const cell = at?.image === picture.place ? picture.cellAt(at.x, at.y) : this.middle();
      const times = event.shiftKey ? 5 : 1;
      const column = limit((cell % picture.columns) + times * step[0], 0, picture.columns - 1);
      const row = limit(Math.floor(cell / picture.columns) + times * step[1], 0, picture.rows - 1);
      const place = { image: picture.place, ...picture.centre(row * picture.columns + column) };
      if (pin) {
        const pins = state.now.pins.slice();
        pins[Number(pin.dataset.pin)] = { ...pins[Number(pin.dataset.pin)], ...place };
        state.set({ pins });
      }
      state.point(place);
    } else if ((event.key === "Enter" || event.key === " ") && !pin && state.pointer) {
      addPin(state.pointer);
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
      const isDoubtful = !isSource && match && !(match.error <= doubtful(pictures[pin.image]));
      button.className = `pin ${isSource ? "source" : "target"}${isDoubtful ? " doubtful" : ""}`;
      button.tabIndex = isSource ? 0 : -1;
      const label = `Pin ${at + 1}${pin.name ? `, ${pin.name},` : ""} in ${this.picture.name}`;
      button.setAttribute("aria-label", isSource ? `${label}. Arrow keys move it, Delete removes it.` : label);
      button.title = pin.name;
      put(button, this.picture, match);
    }
  }
}

/** The error of a way there and back from which on a match is drawn hollow: two cells. */
const doubtful = (picture) => 2 * Math.hypot(picture.stepX, picture.stepY);
