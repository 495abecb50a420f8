// One incident in full: where it stands, what to do next, its limits, its calls, its story.
import { actName, callActs, incidentActs, keyOf, onCard, promiseOf, taskActs } from "./acts.js";
import { get } from "./api.js";
import { cardOf, mineOf } from "./cases.js";
import { byId, h, setData, setText, unpressed } from "./dom.js";
import { has, label, lang, t } from "./i18n.js";
import { age, countdown, moment, now } from "./time.js";
import { actorName, agencyName, eventText, eventTone, eventWords, kindName, kindOf, listed, placeName, policyName } from "./words.js";

export class Detail {
  constructor(act, missions) {
    this.missions = missions;
    this.box = byId("detail");
    this.act = act;
    this.incident = null;
    this.events = [];
    this.asked = 0;
    this.revealed = new Map();
    this.told = {};
    this.callFinder = () => null;
  }

  clear() {
    this.incident = null;
    this.alone = null;
    this.box.replaceChildren(h("p", { class: "empty" }, t("choose")));
  }

  // A mission whose incident one does not see: a crew, until it is out. What it needs to find the door is the mission's own.
  showMission(m, who) {
    const cards = this.missions.for({ incident_id: m.incident_id, clocks: [] }, who);
    const said = `${m.mission_id} ${m.version} ${lang()}`;
    if (this.alone === said && this.box.contains(cards)) return;
    Object.assign(this, { incident: null, alone: said, who });
    const caller = [m.caller.name, m.caller.number].filter(Boolean).join(" ");
    this.box.replaceChildren(
      h("div", { class: "band", data: { p: m.priority, ...(m.exercise ? { exercise: "" } : {}) } },
        h("h2", {}, h("span", {}, kindOf(m.kind)), m.exercise && h("span", { class: "pill drill" }, t("drill"))), h("p", { class: "place" }, placeName(m.location)),
        h("p", { class: "meta" }, h("b", {}, m.incident_id), h("span", {}, t("opened", { t: moment(Date.parse(m.opened_at)) })))),
      ...section("missions", cards),
      ...(m.text || caller ? section("calls", h("div", { class: "cards" }, h("div", { class: "card" }, h("header", {}, h("span", {}, caller)), m.text && h("blockquote", {}, m.text)))) : []));
  }

  show(incident, who) {
    const other = this.incident?.incident_id !== incident.incident_id;
    this.alone = null;
    this.incident = incident;
    this.who = who;
    if (other) {
      this.events = [];
      this.told = {};
      this.box.scrollTop = 0;
    }
    this.draw();
    this.story(incident.incident_id);
  }

  async story(id) {
    const turn = (this.asked += 1);
    try {
      const answer = await get(`/v1/incidents/${id}/events`);
      if (turn !== this.asked || this.incident?.incident_id !== id) return;
      if (this.isAhead(answer.items)) return;
      this.events = answer.items;
      const told = storyOf(answer.items);
      const same = JSON.stringify(told) === JSON.stringify(this.told);
      this.told = told;
      if (same) this.drawStory();
      else unpressed(() => this.incident && this.draw());
    } catch {
      // The next event of this incident, or choosing it again, asks once more.
    }
  }

  // A history that knows more than the incident above it would offer acts on what is no more: the incident is read
  // again, once, and the history after it.
  isAhead(events) {
    const { incident_id: id, version } = this.incident;
    const at = `${id} ${version}`;
    if (this.reread === at || !events.some((e) => e.incident_id === id && e.version > version)) return false;
    this.reread = at;
    this.act.again(id);
    return true;
  }

  draw() {
    const i = this.incident;
    // Whoever is at a button stays there: the page must not move under a finger.
    const held = this.box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.timeline = h("ul", { class: "line" });
    this.box.replaceChildren(...[
      this.head(i),
      ...this.work(i),
      ...section("limits", this.limits(i)),
      ...section("suggestions", i.suggestions.length ? h("div", { class: "cards" }, i.suggestions.map((s) => this.suggestion(s))) : null),
      ...section("calls", h("div", { class: "cards" }, i.calls.map((c, at) => this.call(c, at)))),
      ...section("related", i.related.length ? h("p", {}, i.related.map((r) => h("button", { type: "button", onclick: () => this.act.open(r.incident_id) }, r.incident_id))) : null),
      ...section("timeline", this.timeline),
      i.policy && h("p", { class: "quiet", title: i.policy }, t("rule", { p: policyName(i.policy) })),
    ].filter(Boolean));
    this.drawStory();
    // Where the act is no longer possible its button is gone: the place stays, so that the keys go on.
    if (held) (this.box.querySelector(`[data-key="${CSS.escape(held)}"]`) ?? this.box).focus();
    this.tick();
  }

  // Whoever sends the ambulances has them before everybody's tasks.
  work(i) {
    const tasks = section("tasks", h("div", { class: "cards" }, i.tasks.map((task) => this.task(task, i))));
    const missions = section("missions", this.missions.for(i, this.who));
    return this.who.role === "ems_dispatcher" || this.who.role === "crew" ? [...missions, ...tasks] : [...tasks, ...missions];
  }

  // Something of the 120 centre is newer: its cards alone are drawn anew, all of it only where they begin or end.
  centreChanged() {
    if (!this.incident) return;
    const shown = this.box.contains(this.missions.box);
    if (Boolean(this.missions.for(this.incident, this.who)) !== shown) this.draw();
  }

  // Scrolled to the chosen mission's card where it is not whole in sight under the band.
  toMission(id) {
    const card = this.missions.box.querySelector(`[data-mission="${CSS.escape(id)}"]`);
    if (!card) return;
    const top = card.offsetTop - this.box.querySelector(".band").offsetHeight - 44;
    if (top < this.box.scrollTop || card.offsetTop + card.offsetHeight > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top;
  }

  head(i) {
    const l = i.location;
    const point = l.point ? `${l.point.lat.toFixed(5)}, ${l.point.lon.toFixed(5)}` : "";
    const state = i.state === "merged" ? t("merged", { id: i.merged_into }) : i.state === "closed" ? `${t("closed")} · ${label("disp", i.disposition)}` : "";
    const next = mineOf(i, this.who).map((task) => ({ task, acts: taskActs(task, i, this.who).main })).find((x) => x.acts.length);
    this.upper = next?.task.task_id;
    return h("div", { class: "band", data: { p: i.priority, ...(i.exercise ? { exercise: "" } : {}) } },
      h("h2", {}, h("span", {}, kindName(i.kind)), i.exercise && h("span", { class: "pill drill" }, t("drill")), state && h("span", { class: "pill" }, state),
        i.supervised && h("span", { class: "pill", data: { hot: "" } }, t("supervised"))),
      h("p", { class: "place" }, placeName(l), " ", h("span", { class: "quiet" }, [point, l.accuracy_m ? t("accuracy", { m: Math.round(l.accuracy_m) }) : "", has(`source_${l.source}`) ? t(`source_${l.source}`) : ""].filter(Boolean).join(" · "))),
      h("p", { class: "meta" }, h("b", {}, i.incident_id), h("span", {}, t("opened", { t: moment(Date.parse(i.opened_at)) })), h("span", { class: "age" }),
        i.first_receiver && h("span", {}, t("first_receiver", { a: agencyName(i.first_receiver) })), i.victims && h("span", { class: "why" }, t("victims", { n: i.victims })),
        i.hazards.length > 0 && h("span", { class: "why" }, `${t("hazards")}: ${listed("hazard", i.hazards)}`), i.review.length > 0 && h("span", { class: "why" }, `${t("review")}: ${listed("review", i.review)}`),
        this.told.threeWay && h("span", { class: "why" }, t("three_way_open", { a: agencyName(this.told.threeWay[0]), b: agencyName(this.told.threeWay[1]) })),
        this.told.asked === "waiting" && h("span", { class: "why" }, t("asked_once")), this.told.rated && h("span", {}, t("rated", { s: this.told.rated }))),
      next && h("div", { class: "acts main" }, next.acts.map((a, n) => this.button(a, "tasks", next.task.task_id, n === 0))),
      h("div", { class: "acts" }, incidentActs(i, this.who, this.told).main.map((a) => this.button(a, "incidents", i.incident_id)),
        this.acts().length > 0 && h("button", { type: "button", data: { key: "more" }, onclick: () => this.act.more() }, t("more"))));
  }

  // Every act that can be done here, in the order of the page.
  acts() {
    const i = this.incident;
    const { main, more } = incidentActs(i, this.who, this.told);
    const of = (on, id, words) => (act) => ({ act, on, id, words });
    const own = new Set(mineOf(i, this.who));
    const tasks = [...i.tasks].sort((a, b) => own.has(b) - own.has(a));
    return [
      ...this.missions.acts(),
      ...tasks.filter((x) => own.has(x)).flatMap((x) => this.taskActs(x).map(of("tasks", x.task_id, agencyName(x.held_by || x.agency)))),
      ...[...main, ...more].map(of("incidents", i.incident_id, "")),
      ...tasks.filter((x) => !own.has(x)).flatMap((x) => this.taskActs(x).map(of("tasks", x.task_id, agencyName(x.held_by || x.agency)))),
      ...i.calls.flatMap((c) => callActs(this.who).map(of("calls", c.call_id, c.text || c.call_id))),
    ];
  }

  taskActs(task) {
    const { main, more } = taskActs(task, this.incident, this.who);
    return [...main, ...more];
  }

  // What an act's question needs to know: the incident, whose it is between, the end it would move.
  about(on, id) {
    const task = on === "tasks" ? id : "";
    const due = promiseOf(this.incident, task)?.due_at;
    return { incident: this.incident, threeWay: this.told.threeWay, due: due ? Date.parse(due) : 0 };
  }

  button(act, on, id, strong = false) {
    const key = on === "tasks" ? keyOf(act) : "";
    return h("button", { type: "button", class: strong ? (act === "acknowledge" ? "alarm" : "strong") : "", data: { key: `${on}:${id}:${act}`, act }, onclick: () => this.act.run(act, on, id) },
      actName(on, act), key && h("span", {}, " ", h("kbd", {}, key)));
  }

  task(task, i) {
    const acts = taskActs(task, i, this.who);
    const mine = this.who.agency && mineOf(i, this.who).includes(task);
    if (this.upper === task.task_id) acts.main = []; // they stand in the band above
    return h("div", { class: `card${mine ? " mine" : ""}` },
      h("header", {}, h("span", {}, agencyName(task.agency)), h("span", { class: "pill", data: { state: task.state } }, label("state", task.state))),
      h("p", { class: "quiet" }, [t(task.role), task.task_id.split("-").pop(), has(`taskcause.${task.cause}`) ? t(`taskcause.${task.cause}`) : "", task.round > 1 ? t("round", { n: task.round }) : "", task.units.length ? t("units", { u: listed("", task.units) }) : "", task.held_by && task.held_by !== task.agency ? t("held_by", { a: agencyName(task.held_by) }) : "",
        task.offered_to ? t("offered_to", { a: agencyName(task.offered_to) }) : "", task.return_code ? t("returned_for", { c: label("ret", task.return_code) }) : "", task.duty ? t("duty", { d: task.duty }) : "", task.capabilities.length ? t("bring", { c: listed("cap", task.capabilities) }) : ""].filter(Boolean).join(" · ")),
      acts.main.length + acts.more.length > 0 && h("div", { class: "acts" }, acts.main.map((a) => this.button(a, "tasks", task.task_id)), onCard(acts.more).map((a) => this.button(a, "tasks", task.task_id))));
  }

  limits(i) {
    if (!i.clocks.length) return null;
    const order = { missed: 0, running: 1, paused: 2, met: 3, stopped: 4 };
    const clocks = [...i.clocks].sort((a, b) => order[a.state] - order[b.state] || a.due_at.localeCompare(b.due_at));
    return h("ul", { class: "limits" }, clocks.map((c) => {
      const node = h("li", { data: { state: c.state } }, h("span", {}, `${label("clock", c.clock)} `, h("small", { class: "quiet" }, c.agency ? agencyName(c.agency) : "")), h("b", {}));
      node.clock = { ...c, due: Date.parse(c.due_at), started: Date.parse(c.started_at) };
      return node;
    }));
  }

  suggestion(s) {
    const found = this.callFinder(s.call_id);
    return h("div", { class: "card" }, h("header", {}, h("span", {}, found ? `${found.call.line} · ${kindName(found.incident.kind)} · ${placeName(found.incident.location)}` : s.call_id), h("span", {}, t("score", { s: s.score.toFixed(2) }))),
      found?.call.text && h("blockquote", {}, found.call.text), found && h("p", { class: "quiet" }, moment(Date.parse(found.call.recorded_at)), " ", h("button", { type: "button", onclick: () => this.act.open(found.incident.incident_id) }, t("opens", { i: found.incident.incident_id }))), parts(s.reasons),
      (callActs(this.who).length > 1 || mineOf(this.incident, this.who).length > 0) && h("div", { class: "acts" }, h("button", { type: "button", onclick: () => this.act.run("link_call", "incidents", this.incident.incident_id, { call_id: s.call_id }) }, t("link")),
        h("button", { type: "button", onclick: () => this.act.run("dismiss_suggestion", "incidents", this.incident.incident_id, { call_id: s.call_id }) }, t("dismiss"))));
  }

  call(c, at) {
    const link = c.link;
    const how = at === 0 && link && !Object.keys(link.reasons).length && link.decided_by === "rule" ? t("first_call") : link ? `${t(link.decided_by === "rule" ? "by_rule" : "by_person")} · ${t("score", { s: link.score.toFixed(2) })}` : "";
    const number = this.revealed.get(c.call_id);
    return h("div", { class: "card" },
      h("header", {}, h("span", {}, [c.line, [c.caller.name, c.caller.number].filter(Boolean).join(" ")].filter(Boolean).join(" · ")), h("span", { class: "quiet" }, c.recorded_at ? moment(Date.parse(c.recorded_at)) : "")),
      c.text && h("blockquote", {}, c.text), number && h("p", { class: "why" }, t("number", { n: number })),
      h("p", { class: "quiet" }, [how, ...c.flags.map((f) => label("flag", f))].filter(Boolean).join(" · ")), !c.safe_to_contact && h("p", { class: "why" }, t("unsafe")), link && parts(link.reasons),
      h("div", { class: "acts" }, callActs(this.who).map((a) => this.button(a, "calls", c.call_id)),
        this.incident.calls.length > 1 && callActs(this.who).length > 1 && h("button", { type: "button", onclick: () => this.act.run("unlink_call", "incidents", this.incident.incident_id, { call_id: c.call_id }) }, t("unlink"))));
  }

  drawStory() {
    if (!this.timeline) return;
    this.timeline.replaceChildren(...[...this.events].reverse().map((e) => {
      const said = eventText(e);
      return h("li", { data: { tone: eventTone(e) } }, h("time", {}, moment(Date.parse(e.recorded_at))), eventWords(e), said && h("span", {}, lang() === "en" ? ": " : "：", h("q", {}, said)), h("small", {}, actorName(e.actor)));
    }));
  }

  tick() {
    this.missions.tick();
    if (!this.incident) return;
    const at = now();
    const old = this.box.querySelector(".age");
    if (old) setText(old, age(Date.parse(this.incident.opened_at)));
    for (const node of this.box.querySelectorAll(".limits li")) {
      const c = node.clock;
      const running = c.state === "running";
      setText(node.lastChild, running ? countdown(c.due) : c.state === "missed" ? `${label("clockstate", c.state)}${c.card === "red" ? ` · ${t("card.red")}` : ""}` : label("clockstate", c.state));
      setData(node, "card", running ? cardOf(c, at) : null);
    }
  }
}

// What its history says that its newest state does not: whether all sides agreed, what was asked, how it was rated.
function storyOf(events) {
  const told = {};
  for (const e of events) {
    if (e.type === "ThreeWayOpened") told.threeWay = [e.data.first, e.data.other];
    else if (e.type === "ThreeWaySettled" || (e.type === "ThreeWayMoved" && !e.data.stays)) delete told.threeWay;
    else if (e.type === "InformationRequested") told.asked = "waiting";
    else if (e.type === "InformationProvided") told.asked = "done";
    else if (e.type === "Rated") told.rated = e.data.score;
  }
  return told;
}

function parts(reasons) {
  const rows = Object.entries(reasons ?? {});
  return rows.length ? h("div", { class: "parts" }, rows.map(([name, value]) => [h("span", {}, label("part", name)), h("meter", { min: 0, max: 1, value: Math.max(0, Math.min(1, value)) }), h("span", {}, value.toFixed(2))])) : null;
}

function section(name, content) {
  const empty = !content || (content.classList?.contains("cards") && !content.children.length);
  return empty ? [] : [h("h3", {}, t(name)), content];
}
