// What one can do next, and what each act needs to be told. The server decides; this only saves a useless press.
import { isOpen } from "./cases.js";
import { label, lang, t } from "./i18n.js";
import { EMS_FIELDS, EMS_SHAPES } from "./missionacts.js";
import { clock, day } from "./time.js";
import { agencies, agencyName, classOf, commandAgency, kindName, kinds, placeName } from "./words.js";

const options = (set, codes) => codes.map((value) => ({ value, text: label(set, value) }));
const named = (rows) => rows.map((r) => ({ value: r.id ?? r.code, text: lang() === "en" ? r.label_en || r.label : r.label }));
// What is chosen for others is chosen by hand: the first of a list is nobody's wish.
const chosen = (rows) => [{ value: "", text: t("none_chosen") }, ...rows];
const reason = (needed = true) => ({ name: "reason", label: t("reason"), type: "area", needed });
const text = (needed = true) => ({ name: "text", label: t("text"), type: "area", needed });
const agency = (name, words) => ({ name, label: words, type: "choice", options: chosen(named(agencies())) });
const dispositions = () => ({ name: "disposition", label: t("disposition"), type: "choice", options: options("disp", ["handled", "unfounded", "cancelled", "duplicate", "referred", "no_action"]) });
const inWords = (i) => `${kindName(i.kind)} · ${placeName(i.location)}`;
const others = (about) => about.open.filter((i) => i.incident_id !== about.incident.incident_id && i.exercise === about.incident.exercise);
const incidents = (about) => others(about).map((i) => ({ value: i.incident_id, text: `${inWords(i)} · ${i.incident_id}` }));
const CRS = ["WGS84", "CGCS2000", "GCJ02", "BD09"].map((value) => ({ value, text: value }));

export const FIELDS = {
  complete: () => [dispositions(), { name: "result", label: t("result"), type: "area", needed: true }],
  feedback: () => [{ name: "stage", label: t("stage"), type: "choice", options: options("stage", ["arrival", "progress", "result"]), value: "progress" }, text()],
  dispatch_unit: (about) => [{ name: "unit_ids", label: t("unit_ids"), type: "list", needed: false, known: about.units }],
  return: () => [{ name: "code", label: t("code"), type: "choice", options: chosen(options("ret", ["function", "area", "ownership", "other"])) }, reason()],
  grant_return: () => [{ name: "to", label: t("to_agency"), type: "choice", options: [{ value: "", text: agencyName(commandAgency()) }, ...named(agencies())], needed: false }, reason(false)],
  refuse_return: () => [reason()],
  transfer: () => [agency("to", t("to_agency")), reason()],
  decline: () => [reason()],
  cancel: () => [reason()],
  pause: () => [reason()],
  extend_deadline: (about) => [{ name: "until", label: `${t("until")} (${t("until_hint")})`, type: "moment", value: about.due ? `${day(about.due + 86400000)}T${clock(about.due).slice(0, 5)}` : "" }, reason()],
  note: () => [text()],
  inform_caller: () => [{ name: "result", label: t("result"), type: "choice", options: chosen(options("told", ["told", "unreachable", "anonymous", "declined", "unsafe"])) }, text(false)],
  close: () => [dispositions(), reason(false)],
  reopen: () => [reason()],
  reclassify: (about) => [{ name: "kind", label: t("kind"), type: "choice", options: named(kinds()), value: about.incident.kind.code }, reason()],
  set_priority: (about) => [{ name: "priority", label: t("priority"), type: "number", options: [1, 2, 3, 4].map((n) => ({ value: n, text: String(n) })), value: about.incident.priority }, reason()],
  correct_location: (about) => [{ name: "address", label: t("call_address"), needed: false, value: about.incident.location.address }, { name: "point", label: t("point"), needed: false }, { name: "crs", label: t("crs"), type: "choice", options: CRS }, reason()],
  route: () => [agency("agency", t("agency")), { name: "role", label: t("role"), type: "choice", options: [{ value: "joint", text: t("joint") }, { value: "lead", text: t("lead") }] }, reason(false)],
  three_way: () => [{ name: "to", label: t("other_side"), type: "choice", options: [{ value: "", text: t("by_rules") }, ...named(agencies())], needed: false }, reason(false)],
  settle: (about) => [{ name: "agency", label: t("whose"), type: "choice", options: chosen((about.threeWay ?? []).map((a) => ({ value: a, text: agencyName(a) }))) }, reason(false)],
  link_call: (about) => [{ name: "call_id", label: t("other_call"), type: "pick", options: others(about).flatMap((i) => i.calls.map((c) => ({ value: c.call_id, text: `${c.line} · ${inWords(i)}` }))) }, reason(false)],
  merge: (about) => [{ name: "into", label: t("into"), type: "choice", options: chosen(incidents(about)) }, reason(false)],
  split: (about) => [{ name: "call_ids", label: t("which_calls"), type: "checks", options: about.incident.calls.map((c) => ({ value: c.call_id, text: [c.line, c.text || c.call_id].join(" · ") })) }, reason(false)],
  relate: (about) => [{ name: "to", label: t("other_incident"), type: "pick", options: incidents(about) }, reason(false)],
  supervise: () => [reason()],
  request_information: () => [{ name: "missing", label: t("missing"), type: "lines", needed: true }],
  provide_information: () => [text(false)],
  follow_up: () => [{ name: "solved", label: t("solved"), type: "check" }, { name: "satisfied", label: t("satisfied"), type: "check" }, text(false)],
  call_back: () => [{ name: "result", label: t("result"), type: "choice", options: chosen(options("back", ["answered", "no_answer", "unreachable", "no_number"])) }, text(false)],
  close_call: () => [{ name: "reason", label: t("reason"), type: "choice", options: chosen(options("callend", ["silent", "dropped", "nuisance", "false", "misdial", "test", "consult", "duplicate"])) }, text(false)],
  reveal_number: () => [reason()],
  unlink_call: () => [reason(false)],
  ...EMS_FIELDS,
};

// What was filled in, as the command takes it; throws words where it cannot be.
export const SHAPES = {
  correct_location: ({ address, point, crs, ...rest }) => {
    const at = (point ?? "").match(/^\s*(-?\d+(?:\.\d+)?)\s*[,，\s]\s*(-?\d+(?:\.\d+)?)\s*$/);
    if (point && !at) throw t("point_wrong");
    if (!address && !at) throw t("need_place");
    return { ...rest, location: { ...(address ? { address } : {}), ...(at ? { point: { lon: Number(at[1]), lat: Number(at[2]), crs } } : {}) } };
  },
  extend_deadline: ({ until, ...rest }) => ({ ...rest, until: `${until}:00+08:00` }),
  split: (held, about) => {
    if (!held.call_ids.length || held.call_ids.length === about.incident.calls.length) throw t("one_at_least");
    return held;
  },
  ...EMS_SHAPES,
};

// An act in words: a crew's "acknowledge" is another word than an agency's.
const SETS = { missions: "mact", units: "uact", hospitals: "hact" };
export const actName = (on, act) => label(SETS[on] ?? "act", act);

const NEXT = {
  routed: ["acknowledge", "accept", "return"],
  acknowledged: ["accept", "dispatch_unit", "return"],
  accepted: ["dispatch_unit", "arrive", "feedback", "complete"],
  dispatched: ["arrive", "feedback", "complete"],
  on_scene: ["feedback", "complete"],
};
const LATER = { routed: ["transfer", "feedback", "complete"], acknowledged: ["transfer", "feedback", "complete"], accepted: ["return", "transfer"], dispatched: ["dispatch_unit", "transfer"], on_scene: ["dispatch_unit", "transfer"] };
const WHOLE = new Set(["commander", "admin"]);
const DESKS = new Set(["call_taker", "hotline", "ems_dispatcher", ...WHOLE]);
// A desk carries on the work of the services behind its lines.
const CLASSES = { call_taker: ["police", "fire", "traffic"], hotline: ["department"], ems_dispatcher: ["medical"] };
const READS = new Set(["supervisor", "auditor", "monitor"]);

const PROMISES = ["complete", "arrive", "feedback", "dispatch"];
// The limit an extension is about: the whole promise where there is one.
export const promiseOf = (incident, taskId) => incident.clocks
  .filter((c) => c.task_id === taskId && PROMISES.includes(c.clock) && (c.state === "running" || c.state === "paused"))
  .sort((a, b) => PROMISES.indexOf(a.clock) - PROMISES.indexOf(b.clock))[0];
// Seldom needed: behind the key of all acts, so that a card holds what is.
const SELDOM = new Set(["pause", "extend_deadline", "feedback", "complete", "dispatch_unit"]);
export const onCard = (acts) => acts.filter((a) => !SELDOM.has(a));

const behind = (who, agencyClass) => WHOLE.has(who.role) || (CLASSES[who.role] ?? []).includes(agencyClass);
const holds = (task, who) => behind(who, task.agency_class) || (Boolean(who.agency) && who.agency === (task.held_by || task.agency));
const takes = (task, who) => who.agency === task.offered_to || behind(who, classOf(task.offered_to));

function rules(task, incident, who) {
  if (WHOLE.has(who.role) || who.agency === commandAgency()) return true;
  const line = incident.calls[0]?.line;
  const desk = line === "12345" ? "hotline" : line === "120" ? "ems_dispatcher" : "call_taker";
  return who.role === desk || (Boolean(who.agency) && who.agency === incident.first_receiver && who.agency !== task.held_by);
}

export function taskActs(task, incident, who) {
  if (incident.state !== "open" || !isOpen(task) || READS.has(who.role)) return { main: [], more: [] };
  const acts = { main: [], more: [] };
  if (task.offered_to && takes(task, who)) acts.main.push("accept", "decline");
  if (task.return_code && rules(task, incident, who)) acts.main.push("grant_return", "refuse_return");
  if (holds(task, who)) {
    const settled = task.offered_to || task.return_code ? ["return", "transfer", "accept"] : [];
    acts.main.push(...(NEXT[task.state] ?? []).filter((a) => !settled.includes(a)));
    acts.more.push(...(LATER[task.state] ?? []).filter((a) => !settled.includes(a)));
  }
  if (holds(task, who) || DESKS.has(who.role)) {
    const clocks = incident.clocks.filter((c) => c.task_id === task.task_id);
    if (clocks.some((c) => PROMISES.includes(c.clock) && c.state === "running")) acts.more.push("pause");
    if (clocks.some((c) => c.state === "paused")) acts.more.push("resume");
    if (promiseOf(incident, task.task_id)) acts.more.push("extend_deadline");
    acts.more.push("cancel");
  }
  return { main: [...new Set(acts.main)], more: [...new Set(acts.more)].filter((a) => !acts.main.includes(a)) };
}

// `main` stands on the page, `more` behind one key. `story`: what its events say of it (see detail.js).
export function incidentActs(incident, who, story = {}) {
  const none = { main: [], more: [] };
  if (who.role === "supervisor" && incident.state !== "merged") return { main: ["supervise", "note"], more: [] };
  if (READS.has(who.role) || incident.state === "merged") return none;
  const desk = DESKS.has(who.role);
  if (incident.state === "closed") return desk ? { main: ["reopen", "follow_up", "inform_caller", "note"], more: ["relate", "supervise"] } : { main: ["note"], more: [] };
  const asks = story.asked === "waiting" ? "provide_information" : story.asked ? null : "request_information";
  const sides = story.threeWay;
  const three = !sides ? "three_way" : desk || sides.includes(who.agency) ? "settle" : null;
  if (!desk) return { main: ["note", "inform_caller"], more: ["correct_location", "set_priority", "route", asks, three].filter(Boolean) };
  const worked = incident.tasks.some((task) => task.state === "completed") && !incident.tasks.some(isOpen);
  return {
    main: ["note", "inform_caller", "reclassify", "set_priority", "correct_location", "route", ...(sides ? ["settle"] : []), ...(story.asked && asks ? [asks] : []), "close"],
    more: [sides ? null : three, story.asked ? null : asks, "link_call", "merge", incident.calls.length > 1 ? "split" : null, "relate", "supervise", worked ? "follow_up" : null].filter(Boolean),
  };
}

export const callActs = (who) => (READS.has(who.role) ? [] : DESKS.has(who.role) ? ["reveal_number", "call_back", "close_call"] : ["reveal_number"]);

// The key of an act: one letter, the same on every task.
export const KEYS = { a: "acknowledge", c: "accept", d: "dispatch_unit", r: "arrive", f: "feedback", x: "complete" };
export const keyOf = (act) => Object.entries(KEYS).find(([, name]) => name === act)?.[0]?.toUpperCase() ?? "";
