// What one can do next, and what each act needs to be told. The server decides; this only saves a useless press.
import { agencies, kinds } from "./words.js";
import { label, lang, t } from "./i18n.js";
import { isOpen } from "./cases.js";

const options = (set, codes) => codes.map((value) => ({ value, text: label(set, value) }));
const named = (rows) => rows.map((r) => ({ value: r.id ?? r.code, text: lang() === "en" ? r.label_en || r.label : r.label }));
const reason = (needed = true) => ({ name: "reason", label: t("reason"), type: "area", needed });
const text = (needed = true) => ({ name: "text", label: t("text"), type: "area", needed });
const dispositions = () => ({ name: "disposition", label: t("disposition"), type: "choice", options: options("disp", ["handled", "unfounded", "cancelled", "duplicate", "referred", "no_action"]) });

export const FIELDS = {
  complete: () => [dispositions(), { name: "result", label: t("result"), type: "area", needed: true }],
  feedback: () => [{ name: "stage", label: t("stage"), type: "choice", options: options("stage", ["arrival", "progress", "result"]), value: "progress" }, text()],
  dispatch_unit: () => [{ name: "unit_ids", label: t("unit_ids"), type: "list", needed: false }],
  return: () => [{ name: "code", label: t("code"), type: "choice", options: options("ret", ["function", "area", "ownership", "other"]) }, reason()],
  grant_return: () => [{ name: "to", label: t("to_agency"), type: "choice", options: [{ value: "", text: "—" }, ...named(agencies())], needed: false }, reason(false)],
  refuse_return: () => [reason()],
  transfer: () => [{ name: "to", label: t("to_agency"), type: "choice", options: named(agencies()) }, reason()],
  decline: () => [reason()],
  cancel: () => [reason()],
  pause: () => [reason()],
  note: () => [text()],
  inform_caller: () => [{ name: "result", label: t("result"), type: "choice", options: options("told", ["told", "unreachable", "anonymous", "declined", "unsafe"]) }, text(false)],
  close: () => [dispositions(), reason(false)],
  reopen: () => [reason()],
  reclassify: () => [{ name: "kind", label: t("kind"), type: "choice", options: named(kinds()) }, reason()],
  set_priority: () => [{ name: "priority", label: t("priority"), type: "number", options: [1, 2, 3, 4].map((n) => ({ value: n, text: String(n) })) }, reason()],
  route: () => [{ name: "agency", label: t("agency"), type: "choice", options: named(agencies()) }, { name: "role", label: t("role"), type: "choice", options: [{ value: "joint", text: t("joint") }, { value: "lead", text: t("lead") }] }, reason(false)],
  supervise: () => [reason()],
  request_information: () => [{ name: "missing", label: t("missing"), type: "lines", needed: true }],
  follow_up: () => [{ name: "solved", label: t("solved"), type: "check" }, { name: "satisfied", label: t("satisfied"), type: "check" }, text(false)],
  call_back: () => [{ name: "result", label: t("result"), type: "choice", options: options("back", ["answered", "no_answer", "unreachable", "no_number"]) }, text(false)],
  close_call: () => [{ name: "reason", label: t("reason"), type: "choice", options: options("callend", ["silent", "dropped", "nuisance", "false", "misdial", "test", "consult", "duplicate"]) }, text(false)],
  reveal_number: () => [reason()],
  unlink_call: () => [reason(false)],
};

const NEXT = {
  routed: ["acknowledge", "accept", "return"],
  acknowledged: ["accept", "dispatch_unit", "return"],
  accepted: ["dispatch_unit", "arrive", "feedback", "complete"],
  dispatched: ["arrive", "feedback", "complete"],
  on_scene: ["feedback", "complete"],
};
const LATER = { routed: ["transfer"], acknowledged: ["transfer", "complete"], accepted: ["transfer", "pause"], dispatched: ["transfer"], on_scene: ["transfer"] };
const DESKS = new Set(["call_taker", "hotline", "commander", "admin"]);
const READS = new Set(["supervisor", "auditor", "monitor"]);

export function taskActs(task, incident, who) {
  if (incident.state !== "open" || !isOpen(task) || READS.has(who.role)) return { main: [], more: [] };
  const acts = { main: [], more: [] };
  const mine = who.agency === task.agency || who.agency === task.held_by || who.role === "admin" || (who.role === "ems_dispatcher" && task.agency_class === "medical");
  if (task.offered_to && (who.agency === task.offered_to || who.role === "admin")) acts.main.push("accept", "decline");
  else if (mine) {
    acts.main.push(...(NEXT[task.state] ?? []));
    acts.more.push(...(LATER[task.state] ?? []));
  }
  const first = who.agency ? who.agency === incident.first_receiver : DESKS.has(who.role);
  if (task.return_code && (first || DESKS.has(who.role))) acts.main.push("grant_return", "refuse_return");
  if (DESKS.has(who.role)) acts.more.push("cancel");
  return { main: [...new Set(acts.main)], more: [...new Set(acts.more)].filter((a) => !acts.main.includes(a)) };
}

export function incidentActs(incident, who) {
  if (READS.has(who.role)) return who.role === "supervisor" && incident.state === "open" ? ["supervise"] : [];
  if (incident.state === "merged") return [];
  if (incident.state === "closed") return DESKS.has(who.role) ? ["reopen", "follow_up", "inform_caller"] : [];
  return DESKS.has(who.role)
    ? ["note", "inform_caller", "reclassify", "set_priority", "route", "request_information", "supervise", "close"]
    : ["note", "inform_caller"];
}

export const callActs = (who) => (READS.has(who.role) ? [] : DESKS.has(who.role) || who.role === "ems_dispatcher" ? ["reveal_number", "call_back", "close_call"] : ["reveal_number"]);

// The key of an act: one letter, the same on every task.
export const KEYS = { a: "acknowledge", c: "accept", d: "dispatch_unit", r: "arrive", f: "feedback", x: "complete" };
export const keyOf = (act) => Object.entries(KEYS).find(([, name]) => name === act)?.[0]?.toUpperCase() ?? "";
