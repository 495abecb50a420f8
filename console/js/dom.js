// Elements from plain values: text is always text, so nothing a caller said can become markup.

export function h(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key in node && key !== "list" && key !== "form" && key !== "role") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

export function setData(node, name, value) {
  if (value === null || value === undefined || value === false) delete node.dataset[name];
  else if (node.dataset[name] !== String(value)) node.dataset[name] = value;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A click is a press and a release on one node: what is drawn anew in between would swallow it. So while a button or a
// finger is down, what the stream has to say waits for the release, and no longer than anybody presses for a click.
const PRESS_MS = 10000;
const waiting = new Set();
let pressed = 0;

export function unpressed(draw) {
  if (pressed) waiting.add(draw);
  else draw();
}

function released() {
  clearTimeout(pressed);
  pressed = 0;
  const all = [...waiting];
  waiting.clear();
  for (const draw of all) draw();
}

document.addEventListener("pointerdown", () => {
  clearTimeout(pressed);
  pressed = setTimeout(released, PRESS_MS);
}, true);
// The click is told after the release, in the same turn: drawing comes in the next.
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(released), true);
