// Events, places and codes in words.
import { label, lang, t } from "./i18n.js";
import { moment } from "./time.js";

const book = { agencies: new Map(), kinds: new Map(), regions: new Map(), command: "", policy: "" };

export function learn(catalogue) {
  book.agencies = new Map(catalogue.agencies.map((a) => [a.id, a]));
  book.kinds = new Map(catalogue.kinds.map((k) => [k.code, k]));
  book.regions = new Map(catalogue.regions.map((r) => [r.id, r]));
  Object.assign(book, { command: catalogue.command_agency, policy: catalogue.policy });
}

const named = (row, code) => (row ? (lang() === "en" ? row.label_en || row.label : row.label) : code);
export const agencies = () => [...book.agencies.values()];
export const kinds = () => [...book.kinds.values()];
export const policyLearned = () => book.policy;
export const commandAgency = () => book.command;
export const classOf = (agency) => book.agencies.get(agency)?.class ?? "";
export const agencyName = (id) => named(book.agencies.get(id), id);
export const kindName = (kind) => (lang() === "en" ? named(book.kinds.get(kind.code), kind.code) : kind.label || kind.code);
export const kindOf = (code) => named(book.kinds.get(code), code);

export function placeName(location) {
  return [location.address, location.label].filter((x, i, all) => x && !all.slice(0, i).some((y) => y && y.includes(x))).join(" · ") || (location.point ? `${location.point.lat.toFixed(4)}, ${location.point.lon.toFixed(4)}` : t("unknown_place"));
}

// A list in words: what a code stands for, joined as the language joins it.
export const listed = (set, codes) => codes.map((c) => (set ? label(set, c) : c)).join(lang() === "en" ? ", " : "、");

// What a policy is called on a screen: enough of its hash to tell two apart.
export const policyName = (hash) => hash.replace(/^sha256:/, "").slice(0, 12);

const sets = { disposition: "disp", stage: "stage", code: "ret", clock: "clock" };

// Events whose words hang on what they say, not on their type alone.
function keyFor(e, d) {
  if (e.type === "ClockMet" && d.late) return "ClockMetLate";
  if (e.type === "FollowedUp") return d.solved ? "FollowedUpSolved" : "FollowedUpOpen";
  if (e.type === "IncidentReopened" && d.cause) return "IncidentReopenedBy";
  if (e.type === "TaskReturned" && d.to) return "TaskReturnedTo";
  if (e.type === "VictimsReported") return "VictimsReportedAs";
  return e.type;
}

// A task in words: who works it, said by the language's own order.
const whose = (agency) => (agency ? `${agencyName(agency)}${lang() === "en" ? ": " : " "}` : "");

export function eventWords(e) {
  const d = e.data ?? {};
  const values = { ...d };
  for (const key of ["agency", "to", "by", "first", "other"]) if (typeof d[key] === "string" && key in d && !/^\d{6}-/.test(d[key])) values[key] = agencyName(d[key]);
  for (const [key, set] of Object.entries(sets)) if (d[key]) values[key] = label(set, d[key]);
  if (e.type === "CallLinked") values.by = t(d.decided_by === "rule" ? "by_rule" : "by_person");
  if (e.type === "CallerInformed") values.result = label("told", d.result);
  if (e.type === "CallBackRecorded") values.result = label("back", d.result);
  if (e.type === "CallClosed") values.reason = label("callend", d.reason);
  if (e.type === "CommandRefused") {
    values.command = label("act", snake(d.command));
    values.code = label("error", d.code);
  }
  if (d.score !== undefined && e.type !== "Rated") values.score = Number(d.score).toFixed(2);
  if (d.clock) values.whose = whose(d.agency);
  if (d.cause) values.cause = label("cause", d.cause);
  if (e.type === "FollowedUp") values.satisfied = d.satisfied === true ? t("and_satisfied") : d.satisfied === false ? t("and_unsatisfied") : "";
  if (e.type === "VictimsReported") values.what = [d.victims ? t("victims", { n: d.victims }) : "", listed("hazard", d.hazards ?? [])].filter(Boolean).join(lang() === "en" ? "; " : "，");
  if (e.type === "PolicyActivated") values.policy = policyName(d.policy);
  if (d.due_at) values.due = moment(Date.parse(d.due_at));
  if (d.kind) values.kind = kindOf(d.kind);
  if (d.role) values.role = t(d.role);
  if (d.place) values.place = placeName({ address: typeof d.address === "string" ? d.address : "", label: d.place.label, point: d.place.point });
  if (Array.isArray(d.reasons)) values.reasons = listed("review", d.reasons);
  for (const key of ["missing", "unit_ids"]) if (Array.isArray(d[key])) values[key] = listed("", d[key]);
  if (d.call) values.line = d.call.line;
  const key = `ev.${keyFor(e, d)}`;
  return t(key, values) === key ? e.type : t(key, values);
}

// What a person said or wrote in this event.
export function eventText(e) {
  const d = e.data ?? {};
  const result = e.type === "TaskCompleted" || e.type === "OutcomeReturned" ? d.result : "";
  return [d.text, result, d.outcome ? label("outcome", d.outcome) : "", e.type === "CallClosed" ? "" : d.reason].filter(Boolean).join(" · ");
}

const bad = new Set(["ClockMissed", "CardRaised", "ClockWarned", "CommandRefused", "ReviewRequested", "CallConflict", "ReturnRequested"]);
const good = new Set(["ClockMet", "TaskCompleted", "IncidentClosed", "CallerInformed"]);
export const eventTone = (e) => (bad.has(e.type) ? "bad" : good.has(e.type) ? "good" : e.actor?.role && e.actor.role !== "system" ? "act" : "");
export const actorName = (a) => (!a || a.role === "system" ? t("system") : a.subject === "caller" ? t("caller_self") : [label("role", a.role), a.agency ? agencyName(a.agency) : "", a.subject !== a.agency && a.subject !== a.role ? a.subject : ""].filter(Boolean).join(" "));

const snake = (name) => (name ?? "").replace(/[A-Z]/g, (c, i) => (i ? "_" : "") + c.toLowerCase());
