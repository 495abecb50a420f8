// Events, places and codes in words.
import { label, lang, t } from "./i18n.js";
import { moment } from "./time.js";

const book = { agencies: new Map(), kinds: new Map(), regions: new Map() };

export function learn(catalogue) {
  book.agencies = new Map(catalogue.agencies.map((a) => [a.id, a]));
  book.kinds = new Map(catalogue.kinds.map((k) => [k.code, k]));
  book.regions = new Map(catalogue.regions.map((r) => [r.id, r]));
}

const named = (row, code) => (row ? (lang() === "en" ? row.label_en || row.label : row.label) : code);
export const agencies = () => [...book.agencies.values()];
export const kinds = () => [...book.kinds.values()];
export const agencyName = (id) => named(book.agencies.get(id), id);
export const kindName = (kind) => (lang() === "en" ? named(book.kinds.get(kind.code), kind.code) : kind.label || kind.code);
export const kindOf = (code) => named(book.kinds.get(code), code);

export function placeName(location) {
  return [location.address, location.label].filter((x, i, all) => x && !all.slice(0, i).some((y) => y && y.includes(x))).join(" · ") || (location.point ? `${location.point.lat.toFixed(4)}, ${location.point.lon.toFixed(4)}` : t("unknown_place"));
}

const sets = { disposition: "disp", stage: "stage", code: "ret", clock: "clock" };

export function eventWords(e) {
  const d = e.data ?? {};
  const values = { ...d };
  for (const key of ["agency", "to", "by"]) if (typeof d[key] === "string" && key in d && !/^\d{6}-/.test(d[key])) values[key] = agencyName(d[key]);
  for (const [key, set] of Object.entries(sets)) if (d[key]) values[key] = label(set, d[key]);
  if (e.type === "CallLinked") values.by = t(d.decided_by === "rule" ? "by_rule" : "by_person");
  if (e.type === "CallerInformed") values.result = label("told", d.result);
  if (e.type === "CallBackRecorded") values.result = label("back", d.result);
  if (e.type === "CallClosed") values.reason = label("callend", d.reason);
  if (e.type === "CommandRefused") {
    values.command = label("act", snake(d.command));
    values.code = label("error", d.code);
  }
  if (d.score !== undefined) values.score = Number(d.score).toFixed(2);
  if (d.due_at) values.due = moment(Date.parse(d.due_at));
  if (d.kind) values.kind = kindOf(d.kind);
  if (d.role) values.role = t(d.role);
  if (d.place) values.place = d.place.label || "";
  for (const key of ["reasons", "missing", "unit_ids"]) if (Array.isArray(d[key])) values[key] = d[key].join("、");
  if (d.call) values.line = d.call.line;
  const key = e.type === "ClockMet" && d.late ? "ev.ClockMetLate" : `ev.${e.type}`;
  return t(key, values) === key ? e.type : t(key, values);
}

// What a person said or wrote in this event.
export function eventText(e) {
  const d = e.data ?? {};
  return [d.text, d.result && e.type === "TaskCompleted" ? d.result : "", e.type === "CallClosed" ? "" : d.reason].filter(Boolean).join(" · ");
}

const bad = new Set(["ClockMissed", "CardRaised", "ClockWarned", "CommandRefused", "ReviewRequested", "CallConflict", "ReturnRequested"]);
const good = new Set(["ClockMet", "TaskCompleted", "IncidentClosed", "CallerInformed"]);
export const eventTone = (e) => (bad.has(e.type) ? "bad" : good.has(e.type) ? "good" : e.actor?.role && e.actor.role !== "system" ? "act" : "");
export const actorName = (a) => (!a || a.role === "system" ? t("system") : [label("role", a.role), a.agency ? agencyName(a.agency) : "", a.subject].filter(Boolean).join(" "));

const snake = (name) => (name ?? "").replace(/[A-Z]/g, (c, i) => (i ? "_" : "") + c.toLowerCase());
