// What one can do with a mission, an ambulance or a hospital, by whom and when. The centre decides; this saves useless presses.
import { TRIAGE, WITH_PATIENT } from "./centre.js";
import { label, t } from "./i18n.js";

// The chain, each step with the states it can be taken from (steps may be skipped forward).
export const STEPS = {
  acknowledge: ["assigned"],
  depart: ["assigned", "acknowledged"],
  arrive: ["assigned", "acknowledged", "departed"],
  patient_contact: ["assigned", "acknowledged", "departed", "on_scene"],
  leave: ["on_scene", "with_patient"],
  arrive_hospital: ["transporting"],
  hand_over: ["transporting", "at_hospital"],
};
const NEXT = { waiting: "assign", assigned: "acknowledge", acknowledged: "depart", departed: "arrive", on_scene: "patient_contact", with_patient: "leave", transporting: "arrive_hospital", at_hospital: "hand_over" };

// Outcome → the states in which a mission can end so.
export const END_FROM = {
  transported: ["transporting", "at_hospital"],
  treated_refused: ["on_scene", "with_patient", "transporting"],
  refused: ["on_scene", "with_patient"],
  no_patient: ["departed", "on_scene"],
  self_left: ["departed", "on_scene", "with_patient"],
  cancelled_before: ["waiting", "assigned", "acknowledged"],
  cancelled_enroute: ["acknowledged", "departed", "on_scene"],
  dead_on_scene: ["on_scene", "with_patient"],
};

// The structured questions and the answers that may be given to them.
export const QUESTIONS = {
  conscious: ["yes", "no", "drowsy", "unknown"],
  breathing: ["yes", "no", "difficult", "unknown"],
  chest_pain: ["yes", "no", "unknown"],
  bleeding: ["none", "some", "severe", "unknown"],
  stroke_signs: ["yes", "no", "unknown"],
  seizure: ["yes", "no", "unknown"],
  trapped: ["yes", "no", "unknown"],
  pregnant: ["no", "yes", "labour", "unknown"],
  pain: ["none", "some", "severe", "unknown"],
  walking: ["yes", "no", "unknown"],
  age_group: ["infant", "child", "adult", "elder", "unknown"],
};

const crew = (who) => who.role === "crew";

// `main` stands out, `more` beside it, `rare` behind the key of all acts.
export function missionActs(m, who) {
  const none = { main: [], more: [], rare: [] };
  if (m.state === "ended" || (crew(who) && m.unit_id !== who.unit)) return none;
  const next = NEXT[m.state];
  const skip = Object.keys(STEPS).filter((s) => s !== next && STEPS[s].includes(m.state));
  const refuse = ["assigned", "acknowledged", "departed"].includes(m.state) ? ["refuse"] : [];
  const other = m.state === "waiting" || crew(who) ? [] : ["reassign"];
  return { main: crew(who) && next === "assign" ? [] : [next], more: [...other, ...refuse, "triage", "end"], rare: skip };
}

export function unitActs(u, who) {
  if (crew(who) && u.unit_id !== who.unit) return [];
  return { off_duty: ["on_duty", "out_of_service"], available: ["off_duty", "out_of_service"], returning: ["available", "off_duty", "out_of_service"], out_of_service: ["available", "off_duty"] }[u.state] ?? ["out_of_service"];
}

export const hospitalActs = (x, who) => (crew(who) ? [] : [x.diverted ? "undivert" : "divert", "set_beds"]);

// One letter each. Those a task has too (A, D, R) are the mission's in the 120 list alone.
export const MISSION_KEYS = { u: "assign", a: "acknowledge", d: "depart", r: "arrive", p: "patient_contact", v: "leave", h: "arrive_hospital", o: "hand_over", y: "refuse", i: "triage", e: "end" };
export const missionKey = (act) => Object.entries(MISSION_KEYS).find(([, name]) => name === (act === "reassign" ? "assign" : act))?.[0].toUpperCase() ?? "";

// Another is sent by the same key that sent the first.
export const actOfKey = (m, act) => (act === "assign" && m.state !== "waiting" ? "reassign" : act);
export const canDo = (m, who, act) => {
  const { main, more, rare } = missionActs(m, who);
  return [...main, ...more, ...rare].includes(act);
};

// ---- what each act is told

const CANNOT_GO = ["busy", "off_duty", "out_of_service"];
export const minutes = (s) => (s === null || s === undefined ? t("eta_unknown") : s < 60 ? t("eta_now") : t("eta", { n: Math.round(s / 60) }));
const why = (code) => (code.startsWith("lacks_") ? t("lacks", { c: label("care", code.slice(6)) }) : label("why", code));

// A candidate in words: how soon it can be there, and what speaks against it.
export const reasonOf = (c) => (c.excluded_because && c.excluded_because !== "farther" ? why(c.excluded_because) : "");

function unitField(about) {
  const { offer, centre } = about;
  const rows = offer.units.filter((c) => !CANNOT_GO.includes(c.excluded_because)).map((c) => {
    const u = centre.units.get(c.unit_id);
    return { value: c.unit_id, text: [u?.label ?? c.unit_id, u?.type].filter(Boolean).join(" "), side: minutes(c.eta_s), quiet: [u?.state === "returning" ? label("unit", u.state) : "", u?.station, c.unit_id === offer.unit_id ? t("best") : reasonOf(c)].filter(Boolean).join(" · ") };
  });
  const away = offer.units.length - rows.length;
  return { name: "unit_id", label: [away ? t("units_free", { n: away }) : t("units_free_all"), about.mission.needs_als ? t("als_needed") : ""].filter(Boolean).join(" · "), type: "rank", options: rows };
}

function hospitalField(about) {
  const { offer, centre } = about;
  const rows = offer.hospitals.map((c) => ({ value: c.hospital_id, text: centre.hospitals.get(c.hospital_id)?.label ?? c.hospital_id, side: minutes(c.eta_s), quiet: [t("beds", { n: c.beds_free }), c.hospital_id === offer.hospital_id ? t("best") : reasonOf(c)].filter(Boolean).join(" · ") }));
  rows.sort((a, b) => (b.value === offer.hospital_id) - (a.value === offer.hospital_id));
  return { name: "hospital_id", label: offer.capability ? t("hospital_for", { c: label("care", offer.capability) }) : t("hospital"), type: "rank", options: rows };
}

const reason = (needed) => ({ name: "reason", label: needed ? t("reason") : t("reason_maybe"), type: "area", rows: 2, needed });
const answers = (about) => Object.entries(QUESTIONS).map(([q, all]) => ({ name: `q_${q}`, label: t(`q.${q}`), type: "choice", small: true, needed: false, value: about.mission.answers[q] ?? "", options: [{ value: "", text: t("not_asked") }, ...all.map((value) => ({ value, text: label("answer", value) }))] }));

export const EMS_FIELDS = {
  assign: (about) => [unitField(about), reason(false)],
  reassign: (about) => [unitField(about), reason(WITH_PATIENT.includes(about.mission.state))],
  refuse: () => [reason(true)],
  leave: (about) => [hospitalField(about), reason(false)],
  hand_over: () => [{ name: "note", label: t("handover_note"), type: "area", needed: false }],
  triage: (about) => [
    { name: "triage", label: t("triage_level"), type: "choice", needed: false, value: "", options: [{ value: "", text: t("by_answers") }, ...TRIAGE.map((x) => ({ value: x, text: label("triage", x) }))] },
    ...answers(about), reason(false),
  ],
  end: (about) => [{ name: "outcome", label: t("outcome"), type: "choice", options: [{ value: "", text: t("none_chosen") }, ...Object.keys(END_FROM).filter((o) => END_FROM[o].includes(about.mission.state)).map((value) => ({ value, text: label("outcome", value) }))] }, reason(false)],
  out_of_service: () => [reason(true)],
  divert: () => [reason(false)],
  set_beds: (about) => [{ name: "beds", label: t("beds_now"), type: "whole", value: String(about.hospital.beds) }],
};

export const EMS_SHAPES = {
  triage: (held, about) => {
    const given = Object.fromEntries(Object.keys(QUESTIONS).map((q) => [q, held[`q_${q}`]]).filter(([q, a]) => a && a !== about.mission.answers[q]));
    if (held.triage && held.triage !== about.mission.triage && !held.reason) throw t("say_why");
    if (!held.triage && !Object.keys(given).length) throw t("level_or_answers");
    return { ...(held.triage ? { triage: held.triage } : {}), answers: given, ...(held.reason ? { reason: held.reason } : {}) };
  },
  set_beds: (held) => {
    if (!/^\d{1,6}$/.test(held.beds)) throw t("whole_number");
    return { beds: Number(held.beds) };
  },
};

// The acts that choose from what can be sent now.
export const ASKS_OFFER = new Set(["assign", "reassign", "leave"]);
export const none = (act, offer) => (act === "leave" ? !offer.hospitals.length : !offer.units.some((c) => !CANNOT_GO.includes(c.excluded_because)));
