// Where one is on the board, kept over a reload of this tab: which list, which incident, what was not seen yet.
import { byId } from "./dom.js";

const NAME = "tocsin.place";

export function keep(subject, place) {
  sessionStorage.setItem(NAME, JSON.stringify({ subject, place }));
}

export function kept(subject) {
  try {
    const held = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
    return held?.subject === subject ? held.place : {};
  } catch {
    return {};
  }
}

export const leaveNothing = () => sessionStorage.removeItem(NAME);

// After a question the eye and the keys are where they were; where that button is gone, at the incident.
export function fallBack(key) {
  const button = key && document.querySelector(`#detail [data-key="${CSS.escape(key)}"]`);
  if (button) button.focus();
  else if (document.activeElement === document.body || !document.activeElement) byId("detail").focus();
}
