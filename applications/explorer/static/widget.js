// The page in a frame of a notebook's cell: points, pointer and settings go both ways.

const SHARED = ["points", "pointer", "settings"];

/** Whether text around an element is light, as it is on dark ground. */
function isDark(element) {
  const [red, green, blue] = getComputedStyle(element).color.match(/[\d.]+/g).map(Number);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 127;
}

function render({ model, el }) {
  const frame = document.createElement("iframe");
  // Without an origin of its own the page reaches nothing of the notebook but by messages.
  frame.setAttribute("sandbox", "allow-scripts allow-downloads");
  frame.title = model.get("_title");
  frame.srcdoc = model.get("_html");
  frame.style.cssText = "display: block; width: 100%; border: 0; border-radius: 8px";
  let told = null; // what the page said last, as text; null until it spoke

  const resize = () => (frame.style.height = `${model.get("height")}px`);
  const tellPage = (names) => {
    const descr = Object.fromEntries(names.map((name) => [name, model.get(name)]));
    frame.contentWindow?.postMessage({ descr }, "*");
  };
  const hear = ({ source, data }) => {
    if (source !== frame.contentWindow || !data?.descr) return;
    const isFirst = told === null;
    told = Object.fromEntries(SHARED.map((name) => [name, JSON.stringify(data.descr[name])]));
    // A page that begins takes what the model has; without any of it, it says what it begins with.
    const isFresh = model.get("pointer") === null && model.get("points").length === 0;
    if (isFirst && !(isFresh && Object.keys(model.get("settings")).length === 0)) return tellPage(SHARED);
    for (const name of SHARED) model.set(name, data.descr[name]);
    model.save_changes();
  };
  const changes = SHARED.map((name) => [`change:${name}`, () => {
    // Not what the page itself said, which may have gone on since.
    if (told !== null && JSON.stringify(model.get(name)) !== told[name]) tellPage([name]);
  }]);
  // The page follows the scheme of its frame, and that the theme of the notebook.
  const follow = () => (frame.style.colorScheme = isDark(el) ? "dark" : "light");
  const themes = new MutationObserver(follow);

  changes.push(["change:height", resize]);
  for (const [event, act] of changes) model.on(event, act);
  // A frame that is moved in its document loads the page again.
  frame.addEventListener("load", () => (told = null));
  addEventListener("message", hear);
  for (const element of [document.documentElement, document.body]) {
    themes.observe(element, { attributes: true });
  }
  resize();
  el.append(frame);
  follow();
  return () => {
    for (const [event, act] of changes) model.off(event, act);
    removeEventListener("message", hear);
    themes.disconnect();
  };
}

export default { render };
