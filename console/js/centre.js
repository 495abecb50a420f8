// The 120 centre as this page knows it: missions, ambulances, hospitals, kept current by the centre's own stream.
import { EMS, get } from "./api.js";
import { Reader } from "./reader.js";
import { Stream } from "./stream.js";

// Who may read missions: the centre's own roles. Nobody else asks, so nobody else is refused.
export const MEDICAL = ["ems_dispatcher", "crew", "commander", "admin"];
export const seesCentre = (who) => MEDICAL.includes(who?.role);
export const TRIAGE = ["I", "II", "III", "IV"];
export const BEFORE_SCENE = ["waiting", "assigned", "acknowledged", "departed"];
export const WITH_PATIENT = ["with_patient", "transporting", "at_hospital"];
const ENDED_MAX = 400;
const BEHIND_MS = 300;

// The time at which a mission came to where it stands now.
const REACHED = { assigned: "assigned", acknowledged: "acknowledged", departed: "departed", on_scene: "arrived", with_patient: "patient_contact", transporting: "left", at_hospital: "at_hospital" };
export const since = (m) => Date.parse((m.state === "ended" ? m.ended_at : m.times[REACHED[m.state]]) ?? m.opened_at);

export class Centre {
  // `onChange()`: something is newer; `onNews(type, event)`: what a centre must hear; `onState`: the line, as in stream.js.
  constructor({ onChange, onNews, onState }) {
    Object.assign(this, { onChange, onNews, onState, stream: null });
    this.reader = new Reader((key) => this.take(key), (key) => this.drop(key));
    this.forget();
  }

  forget() {
    Object.assign(this, { missions: new Map(), units: new Map(), hospitals: new Map(), awaited: new Map(), untold: new Map(), fresh: new Set() });
  }

  start(who) {
    this.stop();
    if (seesCentre(who)) this.stream = new Stream(`${EMS}/stream`, { onEvent: (type, data) => this.event(type, data), onState: this.onState });
  }

  stop() {
    this.stream?.stop();
    this.stream = null;
    this.forget();
  }

  snapshot({ missions, units, hospitals }) {
    const live = new Map(missions.map((m) => [m.mission_id, m]));
    // What ran before and is not in it has ended meanwhile: it stays until it has been read again.
    for (const m of this.missions.values()) {
      if (live.has(m.mission_id)) continue;
      live.set(m.mission_id, m);
      if (m.state !== "ended") this.want("missions", m.mission_id);
    }
    this.missions = live;
    this.units = new Map(units.map((u) => [u.unit_id, u]));
    this.hospitals = new Map(hospitals.map((x) => [x.hospital_id, x]));
    this.onChange();
  }

  event(type, e) {
    if (type === "snapshot") return this.snapshot(e);
    if (type === "reset") return undefined;
    if (e.mission_id) {
      this.awaited.set(e.mission_id, e.version);
      this.want("missions", e.mission_id);
      const hospital = e.data?.hospital_id || this.missions.get(e.mission_id)?.hospital_id;
      if (hospital) this.want("hospitals", hospital);
    } else if (this.units.has(e.subject) || type === "UnitRegistered") this.want("units", e.subject);
    else if (this.hospitals.has(e.subject) || type === "HospitalRegistered") this.want("hospitals", e.subject);
    if (e.mission_id && e.data?.unit_id) this.want("units", e.data.unit_id);
    // Of a mission that is not known yet nothing can be said in words: it is told once it has been read.
    if (!e.mission_id || this.missions.has(e.mission_id)) return this.onNews(type, e);
    return void this.untold.set(e.mission_id, [...(this.untold.get(e.mission_id) ?? []), [type, e]]);
  }

  want(kind, id) {
    this.reader.want(`${kind}/${id}`);
  }

  async take(key) {
    const [kind, id] = key.split("/");
    const fresh = await get(`${EMS}/${kind}/${encodeURIComponent(id)}`);
    const held = this[kind].get(id);
    if (held && held.version > fresh.version) return;
    // Another replica may be a moment behind the one whose stream this is.
    if ((this.awaited.get(id) ?? 0) > fresh.version) this.reader.want(key, BEHIND_MS);
    else this.awaited.delete(id);
    this[kind].set(id, fresh);
    if (kind === "missions" && !held) this.fresh.add(id);
    this.prune();
    for (const [type, e] of this.untold.get(id) ?? []) this.onNews(type, e);
    this.untold.delete(id);
    this.onChange();
  }

  drop(key) {
    const [kind, id] = key.split("/");
    this[kind].delete(id);
    this.untold.delete(id);
    this.onChange();
  }

  prune() {
    if (this.missions.size - this.running().length <= ENDED_MAX) return;
    const oldest = [...this.missions.values()].filter((m) => m.state === "ended").sort((a, b) => a.ended_at.localeCompare(b.ended_at))[0];
    this.missions.delete(oldest.mission_id);
  }

  // An incident's missions, those that ended before this page came too.
  async ofIncident(id) {
    if (!this.stream) return;
    try {
      const { items } = await get(`${EMS}/missions?incident_id=${encodeURIComponent(id)}&limit=500`);
      for (const m of items) if ((this.missions.get(m.mission_id)?.version ?? -1) < m.version) this.missions.set(m.mission_id, m);
      if (items.length) this.onChange();
    } catch {
      // Choosing it again, or its next event, asks once more.
    }
  }

  // Those that run: all, or an incident's.
  running(incidentId = null) {
    return (incidentId === null ? [...this.missions.values()] : this.of(incidentId)).filter((m) => m.state !== "ended");
  }

  of(incidentId) {
    return [...this.missions.values()].filter((m) => m.incident_id === incidentId).sort((a, b) => a.patient - b.patient);
  }
}

// Live before exercises, who waits for a unit first, then the gravest, then the oldest.
export function missionOrder(a, b) {
  return a.exercise - b.exercise || (b.state === "waiting") - (a.state === "waiting") || TRIAGE.indexOf(a.triage) - TRIAGE.indexOf(b.triage)
    || a.opened_at.localeCompare(b.opened_at) || a.mission_id.localeCompare(b.mission_id);
}

// The next limit this mission is held to: the crew's word within 30 s, else the first of the promises that run on its
// task and the one its patient's triage makes.
export function limitOf(m, incident) {
  if (m.acknowledge_due_at) return { clock: "acknowledge", due: Date.parse(m.acknowledge_due_at), started: Date.parse(m.times.assigned), card: "none" };
  if (!BEFORE_SCENE.includes(m.state)) return null;
  const names = m.state === "departed" ? ["arrive"] : ["dispatch", "arrive"];
  const open = (incident?.clocks ?? []).filter((c) => c.task_id === m.task_id && names.includes(c.clock) && (c.state === "running" || c.state === "missed"));
  if (m.arrive_due_at) open.push({ clock: "arrive", due_at: m.arrive_due_at, started_at: m.opened_at, card: "none" });
  const first = open.sort((a, b) => Date.parse(a.due_at) - Date.parse(b.due_at))[0];
  return first ? { clock: first.clock, due: Date.parse(first.due_at), started: Date.parse(first.started_at), card: first.card } : null;
}
