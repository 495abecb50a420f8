// Missions on the board: their rows in the list of the 120 centre, their cards beside the incident, and the fleet.
import { BEFORE_SCENE, limitOf, seesCentre, since, TRIAGE } from "./centre.js";
import { cardOf } from "./cases.js";
import { byId, h, setData, setText } from "./dom.js";
import { has, label, lang, t } from "./i18n.js";
import { minutes, missionActs, missionKey } from "./missionacts.js";
import { age, clock, countdown, moment, now } from "./time.js";
import { kindOf, listed, placeName } from "./words.js";

export const ROMAN = { I: "Ⅰ", II: "Ⅱ", III: "Ⅲ", IV: "Ⅳ" };
export const grave = (m) => TRIAGE.indexOf(m.triage) + 1;
const SHOWN = 5;
const TIMES = ["assigned", "acknowledged", "departed", "arrived", "patient_contact", "left", "at_hospital", "handed_over"];

export const unitName = (centre, id) => (id ? centre.units.get(id)?.label ?? id : "");
const hospitalName = (centre, id) => (id ? centre.hospitals.get(id)?.label ?? id : "");
const numbered = (m) => (m.patients > 1 ? t("patient_of", { n: m.patient, m: m.patients }) : "");
export const missionName = (m) => [kindOf(m.kind), numbered(m)].filter(Boolean).join(" · ");

function flagWords(flag) {
  if (flag.startsWith("hospital_lacks_")) return t("lacks", { c: label("care", flag.slice(15)) });
  return flag.startsWith("hospital_") ? label("why", flag.slice(9)) : label("mflag", flag);
}

function reasonWords(code) {
  const [set, what = ""] = code.split(":");
  if (set === "answer") {
    const [q, a] = what.split("=");
    return has(`q.${q}`) ? `${t(`q.${q}`)} ${label("answer", a)}` : what;
  }
  if (set === "raise") return t("r_said", { w: label("q", what) });
  return { kind: t("r_kind"), priority: t("r_priority"), person: t("r_person"), kept: t("r_kept"), answers: t("r_nothing"), rules_failed: t("r_failed") }[set] ?? code;
}

// When the crew should be where it is going, as it was worked out when it was sent.
function expected(m) {
  if (BEFORE_SCENE.includes(m.state) && m.unit_id && m.eta_s !== null) return t("there_at", { t: clock(Date.parse(m.times.departed ?? m.times.assigned) + m.eta_s * 1000) });
  if (m.state === "transporting" && m.hospital_eta_s !== null) return t("there_at", { t: clock(Date.parse(m.times.left) + m.hospital_eta_s * 1000) });
  return "";
}

function tickLimit(node, m, incident) {
  const limit = limitOf(m, incident);
  const late = limit && now() > limit.due;
  setText(node.querySelector(".due"), limit ? countdown(limit.due) : node.matches(".row") ? t("none_running") : "");
  setData(node.querySelector(".due"), "card", limit ? cardOf(limit, now()) : null);
  setText(node.querySelector(".limit"), limit ? `${label("mclock", limit.clock)}${late ? ` · ${t("overdue")}` : ""}` : "");
  setText(node.querySelector(".for"), t(m.state === "waiting" ? "waits" : "in_state", { t: age(since(m)) }));
}

// How the list draws missions (see queue.js).
export const missionLook = (centre, incidentOf) => ({
  id: (m) => m.mission_id,
  row: (m, _, isFresh) => h("div", {
    class: "row mission", id: `row-${m.mission_id}`, role: "option",
    data: { id: m.mission_id, p: grave(m), ...(m.state === "waiting" ? { mine: "" } : {}), ...(m.exercise ? { exercise: "" } : {}), ...(isFresh ? { fresh: "" } : {}) },
  },
  h("div", { class: "rank", title: label("triage", m.triage) }, ROMAN[m.triage]),
  h("div", { class: "body" },
    h("div", { class: "what" }, h("span", {}, kindOf(m.kind)), m.patients > 1 && h("span", { class: "pill" }, numbered(m)), m.exercise && h("span", { class: "pill drill" }, t("drill"))),
    h("div", { class: "where" }, placeName(m.location)),
    h("div", { class: "pills" }, statePill(m), m.unit_id && h("span", { class: "pill" }, unitName(centre, m.unit_id)), m.hospital_id && h("span", { class: "pill" }, hospitalName(centre, m.hospital_id)),
      m.flags.includes("mass_casualty") && h("span", { class: "pill", data: { hot: "" } }, t("mflag.mass_casualty")))),
  h("div", { class: "time" }, h("span", { class: "due" }), h("span", { class: "of limit" }), h("span", { class: "of for" }))),
  tick: (node, m) => tickLimit(node, m, incidentOf(m.incident_id)),
});

const statePill = (m) => h("span", { class: "pill", data: { mission: m.state } }, label("mission", m.state));

// The missions of the incident that is open on the right.
export class MissionCards {
  constructor(centre, act) {
    Object.assign(this, { centre, act, box: h("div", { class: "cards missions" }), nodes: new Map(), who: null, incident: null, chosen: "" });
  }

  // The cards to put on the page, or null where there are none to see.
  for(incident, who) {
    if (seesCentre(who) || this.box.childElementCount) {
      Object.assign(this, { incident, who });
      this.draw();
    }
    return seesCentre(who) && this.box.childElementCount ? this.box : null;
  }

  draw() {
    const held = this.box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    // A card is made anew only where it says something else: what a finger is on stays where it is.
    const nodes = new Map(this.centre.of(this.incident.incident_id).map((m) => [m.mission_id, this.kept(m) ?? this.card(m)]));
    const wanted = [...nodes.values()];
    if (wanted.length !== this.box.children.length || wanted.some((n, at) => this.box.children[at] !== n)) this.box.replaceChildren(...wanted);
    this.nodes = nodes;
    if (held && !this.box.contains(document.activeElement)) (this.box.querySelector(`[data-key="${CSS.escape(held)}"]`) ?? byId("detail")).focus();
    this.tick();
  }

  said(m) {
    const names = [m.unit_id, m.hospital_id, ...m.candidates.slice(0, SHOWN).map((c) => c.unit_id)].map((id) => unitName(this.centre, id));
    return [lang(), m.mission_id === this.chosen, this.who.role, ...names].join("|");
  }

  kept(m) {
    const node = this.nodes.get(m.mission_id);
    return node && node.mission === m && node.said === this.said(m) ? node : null;
  }

  card(m) {
    const acts = missionActs(m, this.who);
    const flags = m.flags.filter((f) => f !== "mass_casualty" && (m.unit_id || f !== "below_required_level")).map(flagWords);
    const node = h("div", { class: `card mission${m.mission_id === this.chosen ? " mine" : ""}`, data: { mission: m.mission_id, p: grave(m) } },
      h("header", {}, h("span", {}, h("span", { class: "triage" }, label("triage", m.triage)), " ", numbered(m) || m.mission_id.split("-").pop()), statePill(m)),
      h("p", { class: "big" }, m.state === "ended" ? [label("outcome", m.outcome), unitName(this.centre, m.unit_id)].filter(Boolean).join(" · ") : m.unit_id ? [unitName(this.centre, m.unit_id), this.centre.units.get(m.unit_id)?.type ?? "", expected(m)].filter(Boolean).join(" · ") : t("no_unit_yet")),
      m.hospital_id && h("p", {}, t("to_hospital", { h: hospitalName(this.centre, m.hospital_id) })),
      m.state !== "ended" && h("p", { class: "limitline" }, h("b", { class: "due" }), " ", h("span", { class: "limit quiet" }), h("span", { class: "for quiet" })),
      h("p", { class: "quiet" }, [m.needs_als ? t("needs_als") : "", m.attempt > 1 ? t("attempt", { n: m.attempt }) : "", m.triage_reasons.length ? t("triage_why", { r: listed("", m.triage_reasons.map(reasonWords)) }) : "", m.exercise ? t("drill") : ""].filter(Boolean).join(" · ")),
      (flags.length > 0 || m.flags.includes("mass_casualty")) && h("p", { class: "why" }, [m.flags.includes("mass_casualty") ? t("mflag.mass_casualty") : "", ...flags].filter(Boolean).join(" · ")),
      h("p", { class: "steps quiet" }, TIMES.filter((s) => m.state !== "waiting" && m.times[s]).map((s) => h("span", {}, `${label("mtime", s)} `, h("time", {}, moment(Date.parse(m.times[s])))))),
      this.weighed(m),
      acts.main.length + acts.more.length > 0 && h("div", { class: "acts" }, acts.main.map((a) => this.button(a, m, true)), acts.more.map((a) => this.button(a, m))));
    Object.assign(node, { mission: m, said: this.said(m) });
    return node;
  }

  // Who was weighed when this was last decided, the chosen one first. Whom one can send now is asked anew by the act.
  weighed(m) {
    if (!m.candidates.length || !["waiting", "assigned", "acknowledged"].includes(m.state)) return null;
    return h("ul", { class: "weighed quiet" }, h("li", { class: "title" }, t("weighed")), m.candidates.slice(0, SHOWN).map((c) => h("li", { data: c.unit_id === m.unit_id ? { on: "" } : {} }, h("span", {}, unitName(this.centre, c.unit_id)), h("span", {}, minutes(c.eta_s)), h("span", {}, c.unit_id === m.unit_id ? t("sent") : c.excluded_because ? label("why", c.excluded_because) : ""))));
  }

  button(act, m, strong = false) {
    const key = missionKey(act);
    return h("button", { type: "button", class: strong ? (act === "assign" ? "alarm" : "strong") : "", data: { key: `missions:${m.mission_id}:${act}`, act }, onclick: () => this.act.run(act, "missions", m.mission_id) },
      label("mact", act), key && h("span", {}, " ", h("kbd", {}, key)));
  }

  tick() {
    for (const node of this.box.isConnected ? this.box.children : []) if (node.mission.state !== "ended") tickLimit(node, node.mission, this.incident);
  }

  acts() {
    if (!seesCentre(this.who)) return [];
    return this.centre.of(this.incident.incident_id).flatMap((m) => {
      const { main, more, rare } = missionActs(m, this.who);
      const words = [numbered(m), unitName(this.centre, m.unit_id)].filter(Boolean).join(" · ");
      return [...main, ...rare, ...more].map((act) => ({ act, on: "missions", id: m.mission_id, words }));
    });
  }
}

// Ambulances and hospitals under the list: a button each, kept in place, so that neither focus nor pointer loses it.
export class Fleet {
  constructor(centre, open) {
    Object.assign(this, { centre, open, box: byId("fleet"), nodes: new Map() });
  }

  draw(shown) {
    this.box.hidden = !shown;
    if (!shown) return;
    const units = [...this.centre.units.values()].sort((a, b) => a.unit_id.localeCompare(b.unit_id));
    const free = units.filter((u) => u.state === "available" || u.state === "returning").length;
    setText(byId("fleet-title").firstChild, t("fleet", { n: free, m: units.length }));
    const wanted = [...units.map((u) => ["units", u.unit_id, this.unit(u)]), ...[...this.centre.hospitals.values()].map((x) => ["hospitals", x.hospital_id, this.hospital(x)])];
    const list = byId("fleet-list");
    wanted.forEach(([on, id, [name, state, quiet, tone]], at) => {
      let node = this.nodes.get(id);
      if (!node) {
        node = h("button", { type: "button", data: { on, id }, onclick: () => this.open(on, id) }, h("b", {}), h("span", { class: "is" }), h("span", { class: "quiet" }));
        this.nodes.set(id, node);
      }
      setText(node.children[0], name);
      setText(node.children[1], state);
      setText(node.children[2], quiet);
      setData(node, "tone", tone);
      if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
    });
    const kept = new Set(wanted.map(([, id]) => id));
    for (const [id, node] of this.nodes) if (!kept.has(id)) this.nodes.delete(id), node.remove();
  }

  focus() {
    this.box.querySelector("button")?.focus();
  }

  unit(u) {
    const m = this.centre.missions.get(u.mission_id);
    return [`${u.label || u.unit_id} ${u.type}`, label("unit", u.state), m ? `${ROMAN[m.triage]} ${placeName(m.location)}` : u.station, { available: "good", returning: "good", off_duty: "off", out_of_service: "off" }[u.state] ?? "busy"];
  }

  hospital(x) {
    return [x.label || x.hospital_id, x.diverted ? t("diverted") : t("beds", { n: x.beds_free }), x.inbound ? t("inbound", { n: x.inbound }) : "", x.diverted ? "off" : x.beds_free ? "good" : "busy"];
  }
}
