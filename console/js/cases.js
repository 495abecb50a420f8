// The incidents this page knows, kept current by the stream: each event only says which one to read again.
import { get } from "./api.js";
import { Reader } from "./reader.js";

export class Cases {
  constructor(onChange) {
    Object.assign(this, { all: new Map(), onChange, fresh: new Set(), own: new Map() });
    this.reader = new Reader((id) => this.read(id), (id) => this.drop(id));
  }

  snapshot(incidents) {
    // What has ended is in no snapshot, and is still known: a chosen one stays on the page.
    const ended = [...this.all].filter(([, i]) => i.state !== "open");
    this.all = new Map([...ended, ...incidents.map((i) => [i.incident_id, i])]);
    this.changed();
  }

  event(type, e) {
    if (!e.incident_id) return;
    const held = this.all.get(e.incident_id);
    if (held && held.version >= e.version && e.version > 0 && type !== "CallRecorded") return;
    this.want(e.incident_id);
  }

  // The events one's own act led to: known before they are read again.
  acted(events) {
    for (const e of events) this.own.set(e.incident_id, Math.max(e.version, this.own.get(e.incident_id) ?? 0));
  }

  // What is known of an incident that was looked at in this version.
  known(id, version) {
    return Math.max(version, this.own.get(id) ?? 0);
  }

  want(id) {
    this.reader.want(id);
  }

  async read(id) {
    const fresh = await get(`/v1/incidents/${id}`);
    const held = this.all.get(id);
    if (held && held.version > fresh.version) return;
    if (!held) this.fresh.add(id);
    if (fresh.version >= (this.own.get(id) ?? 0)) this.own.delete(id);
    this.all.set(id, fresh);
    this.changed(id, held);
  }

  drop(id) {
    this.all.delete(id);
    this.changed(id);
  }

  changed(id, former) {
    this.onChange(id, former);
  }
}

// Live before exercises, priority 1 first, then the oldest (what one must not keep waiting).
export function queueOrder(a, b) {
  return a.exercise - b.exercise || a.priority - b.priority || a.opened_at.localeCompare(b.opened_at) || a.incident_id.localeCompare(b.incident_id);
}

export const mineOf = (incident, who) =>
  incident.tasks.filter((task) => who.agency && (task.agency === who.agency || task.held_by === who.agency || task.offered_to === who.agency));

const ended = new Set(["completed", "returned", "transferred", "cancelled"]);
export const isOpen = (task) => !ended.has(task.state);

// Tasks that nobody of mine has seen yet; an offered transfer waits for me too.
export function waiting(incident, who) {
  if (incident.state !== "open") return [];
  return mineOf(incident, who).filter((task) => (task.state === "routed" && task.agency === who.agency) || (task.offered_to === who.agency && isOpen(task)));
}

// A limit that has passed and was not made good comes before any that still runs: it is what somebody waits for.
export function nextClock(incident, who) {
  const mine = new Set(mineOf(incident, who).map((task) => task.task_id));
  let best = null;
  for (const c of incident.clocks) {
    if (c.state !== "running" && c.state !== "missed") continue;
    if (who.agency && !mine.has(c.task_id)) continue;
    const due = Date.parse(c.due_at);
    if (!best || due < best.due) best = { due, clock: c.clock, card: c.card, started: Date.parse(c.started_at), agency: c.agency };
  }
  return best;
}

export function cardOf(c, at) {
  if (at > c.due) return "late";
  const length = c.due - c.started;
  return c.card === "warning" || (c.due - at) < length * 0.2 ? "warning" : "none";
}
