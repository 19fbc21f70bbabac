"use strict";
// The controls beside the images: each shows a value of the state, and sets it.

const control = (id) => document.getElementById(id);

/** Buttons of which one is chosen: radio inputs in a row. */
function fillChoices(id, choices, chosen) {
  const group = control(id);
  group.replaceChildren(
    ...choices.map(([value, text]) => {
      const [label, input] = ["label", "input"].map((name) => document.createElement(name));
      Object.assign(input, { type: "radio", name: id, value });
      input.addEventListener("change", () => chosen(value));
      const words = document.createElement("span");
      words.textContent = text;
      label.append(input, words);
      return label;
    }),
  );
}

function showChoice(id, value) {
  for (const input of control(id).querySelectorAll("input")) input.checked = input.value === value;
}

/** A range input whose way is shown as it goes, and undone as one step. */
function listenToSlider(input, state, values) {
  input.addEventListener("input", () => {
    state.begin();
    state.show(values(Number(input.value)));
  });
  input.addEventListener("change", () => state.end());
}

/** The value of a slider in words: beside it, and to screen readers. */
function showValue(input, output, text) {
  output.textContent = text;
  input.setAttribute("aria-valuetext", text);
}

const percent = (share) => `${Math.round(100 * share)} %`;
const readable = (name) => name.replaceAll("_", " ");
const sameShares = (one, two) => one.every((share, at) => Math.abs(share - two[at]) < 0.005);

/** The shares of which one source has this one, and the others what is left in proportion. */
function sharesWith(shares, source, share) {
  const rest = shares.reduce((sum, one, at) => (at === source ? sum : sum + one), 0);
  const others = shares.length - 1;
  return shares.map((one, at) => {
    if (at === source) return share;
    return rest > 0 ? (one * (1 - share)) / rest : (1 - share) / others;
  });
}

class Controls {
  constructor(state) {
    this.state = state;
    this.pinRows = [];
    this.buildSources();
    const set = (key) => (value) => state.set({ [key]: value });
    fillChoices("matcher", [["nearest", "Nearest"], ["mutual", "Mutual"], ["soft-argmax", "Soft-argmax"]], set("matcher"));
    fillChoices("view", [["heat", "Similarity"], ["pca", "Components"], ["photograph", "Photograph"]], set("view"));
    for (const flag of FLAGS) {
      control(flag).addEventListener("change", (event) => state.set({ [flag]: event.target.checked }));
    }
    for (const name of page.colors) control("colors").append(new Option(name));
    control("colors").addEventListener("change", (event) => state.set({ colors: event.target.value }));
    listenToSlider(control("opacity"), state, (value) => ({ opacity: value / 100 }));
    listenToSlider(control("tolerance"), state, (tolerance) => ({ tolerance }));
    // By powers of ten from 0.001 to 1.
    listenToSlider(control("temperature"), state, (value) => ({ temperature: Number((10 ** (value / 20)).toPrecision(2)) }));
    listenToSlider(control("margin"), state, (margin) => ({ margin }));
    listenToSlider(control("window"), state, (window) => ({ window: window > 30 ? null : window }));
    control("undo").addEventListener("click", () => state.undo());
    control("redo").addEventListener("click", () => state.redo());
    control("clear").addEventListener("click", () => state.set({ pins: [] }));
    control("theme").addEventListener("click", () => {
      const isDark = getComputedStyle(document.documentElement).colorScheme === "dark" ||
        (state.now.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
      state.show({ theme: isDark ? "light" : "dark" });
    });
    control("masks").closest("label").hidden = !pictures.some((picture) => picture.mask);
    for (const id of ["from", "to"]) {
      pictures.forEach((picture, at) => control(id).append(new Option(picture.name, at)));
      control(id).addEventListener("change", (event) => this.chooseEnd(id, event.target.value));
    }
    control("to").value = 1;
    this.showLoss();
  }

  /** The image that pins are exported from, or to; the other is never the same. */
  chooseEnd(id, value) {
    const other = control(id === "from" ? "to" : "from");
    if (other.value === value) other.value = value === "0" ? 1 : 0;
  }

  get ends() {
    return ["from", "to"].map((id) => Number(control(id).value));
  }

  buildSources() {
    const { state } = this;
    control("sources").hidden = sources.length < 2;
    const only = (one) => sources.map((_, at) => Number(at === one));
    const choices = sources.map(({ name }, at) => [String(at), readable(name)]);
    choices.splice(sources.length === 2 ? 1 : choices.length, 0, ["fused", "Fused"]);
    fillChoices("wipe", choices, (value) => {
      state.set({ shares: value === "fused" ? initial.shares.slice() : only(Number(value)) });
    });
    // Of two sources one slider moves between both; of more each has its own.
    this.sliders = (sources.length === 2 ? [1] : sources.map((_, at) => at)).map((source) => {
      const row = control("share").content.firstElementChild.cloneNode(true);
      const [input, output] = ["input", "output"].map((name) => row.querySelector(name));
      const name = readable(sources[source].name);
      input.setAttribute("aria-label", `Share of ${name} in the cosine`);
      row.querySelector(".what").textContent = name;
      listenToSlider(input, state, (value) => ({ shares: sharesWith(state.now.shares, source, value / 1000) }));
      control("shares").append(row);
      return { source, input, output };
    });
  }

  showLoss() {
    for (const row of page.loss) {
      const cells = [
        readable(row.descriptor),
        `${row.components} of ${row.channels}`,
        `${(100 * row.same_cell).toFixed(1)} %`,
        `${(100 * row.within_one_cell).toFixed(1)} %`,
        row.rms.toFixed(4),
        row.largest.toFixed(3),
      ];
      const line = control("loss").insertRow();
      for (const text of cells) line.insertCell().textContent = text;
    }
    control("descriptor").textContent = page.descriptor;
  }

  show() {
    const { now } = this.state;
    showChoice("matcher", now.matcher);
    showChoice("view", now.view);
    const pure = now.shares.findIndex((share) => share > 0.9995);
    const fused = sameShares(now.shares, initial.shares) ? "fused" : null;
    showChoice("wipe", pure >= 0 ? String(pure) : fused);
    for (const { source, input, output } of this.sliders) {
      input.value = 1000 * now.shares[source];
      showValue(input, output, percent(now.shares[source]));
    }
    for (const flag of FLAGS) control(flag).checked = now[flag];
    control("colors").value = now.colors;
    control("opacity").value = 100 * now.opacity;
    control("tolerance").value = now.tolerance;
    control("temperature").value = 20 * Math.log10(now.temperature);
    control("window").value = now.window ?? 31;
    control("margin").value = now.margin;
    const texts = {
      opacity: percent(now.opacity),
      tolerance: now.tolerance === 1 ? "1 cell" : `${now.tolerance} cells`,
      margin: `±${now.margin}`,
      temperature: String(now.temperature),
      window: now.window === null ? "all" : `±${now.window}`,
    };
    for (const [id, text] of Object.entries(texts)) showValue(control(id), control(`${id}-text`), text);
    control("of-mutual").hidden = now.matcher !== "mutual";
    control("of-soft-argmax").hidden = now.matcher !== "soft-argmax";
    control("undo").disabled = this.state.past.length === 0;
    control("redo").disabled = this.state.future.length === 0;
    document.documentElement.dataset.theme = now.theme;
    this.showScale(now.colors);
  }

  /** The colours from the lowest to the highest cosine. */
  showScale(name) {
    const bytes = blockBytes(`colors-${name}`);
    const stops = Array.from({ length: 17 }, (_, at) => bytes.subarray(3 * Math.min(255, 16 * at)).slice(0, 3));
    control("scale").style.background = `linear-gradient(to right, ${stops.map((stop) => `rgb(${stop.join()})`).join()})`;
  }

  /** The list of pins, each with its matches. */
  showPins(pins, matches) {
    control("no-pins").hidden = pins.length > 0;
    control("clear").disabled = pins.length === 0;
    for (const id of ["csv", "json"]) control(id).disabled = pins.length === 0;
    // Rows stay, so that the focus does.
    while (this.pinRows.length > pins.length) this.pinRows.pop().remove();
    while (this.pinRows.length < pins.length) this.pinRows.push(this.buildPinRow(this.pinRows.length));
    for (const [at, pin] of pins.entries()) {
      const [name, place] = [".pin-name", ".place"].map((part) => this.pinRows[at].querySelector(part));
      if (name.value !== pin.name) name.value = pin.name;
      name.placeholder = `${pictures[pin.image].name} ${pin.x.toFixed(1)}, ${pin.y.toFixed(1)}`;
      place.textContent = pictures
        .filter((picture) => picture.place !== pin.image)
        .map((picture) => `${pictures.length > 2 ? `${picture.name} ` : ""}${pinText(matches[at][picture.place])}`)
        .join(" · ");
    }
  }

  buildPinRow(at) {
    const row = control("pin-row").content.firstElementChild.cloneNode(true);
    const [name, remove] = [".pin-name", ".remove"].map((part) => row.querySelector(part));
    row.style.setProperty("--pin", pinColor(at));
    row.querySelector(".number").textContent = at + 1;
    name.setAttribute("aria-label", `Name of pin ${at + 1}`);
    name.addEventListener("change", () => renamePin(at, name.value));
    remove.setAttribute("aria-label", `Remove pin ${at + 1}`);
    remove.addEventListener("click", () => {
      removePin(at);
      const next = this.pinRows[Math.min(at, this.pinRows.length - 2)];
      (next?.querySelector(".remove") ?? control("upload")).focus();
    });
    control("pins").append(row);
    return row;
  }
}

function pinText(match) {
  if (match === null) return "outside the mask";
  if (match.x === null) return "no mutual match";
  const place = `${match.x.toFixed(1)}, ${match.y.toFixed(1)} · ${match.score.toFixed(3)}`;
  return match.isByHand ? `${place} · by hand` : place;
}
