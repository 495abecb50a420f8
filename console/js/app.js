// The board: who is here, what is live, what waits; keys, alarm, and the one place where the parts meet.
import { alarm } from "./alarm.js";
import { actName, FIELDS, KEYS, taskActs } from "./acts.js";
import { command, get, ofCentre, request } from "./api.js";
import { Cases, isOpen, mineOf, queueOrder, waiting } from "./cases.js";
import { Centre, seesCentre } from "./centre.js";
import { CentreDesk } from "./centredesk.js";
import { Detail } from "./detail.js";
import { ask, chooseAct, closeUnlessWritten, hasDraft, help, linesOf, signIn, takeCall, unsent } from "./dialogs.js";
import { byId, h, setData, setText, unpressed } from "./dom.js";
import { apply, choose as chooseLanguage, label, lang, t } from "./i18n.js";
import { MISSION_KEYS } from "./missionacts.js";
import { Fleet, MissionCards, missionLook, unitName } from "./missions.js";
import { Queue } from "./queue.js";
import { Stream } from "./stream.js";
import { clock, now, readClock } from "./time.js";
import { agencyName, kindName, learn, placeName, policyLearned, policyName } from "./words.js";
import { fallBack, keep, kept, leaveNothing } from "./place.js";

const TABS = ["open", "mine", "review", "centre", "closed"];
const board = { who: null, tab: "open", priority: 0, find: "", chosen: "", seen: new Set(), begun: 0, downSince: 0, line: "off", mission: "", centreSince: 0, askedAt: 0, stream: null, closed: [], sending: new Set(), acts: new Map() };
const cases = new Cases((id, former) => changed(id, former));
const queue = new Queue((id, options) => choose(id, options));
const centre = new Centre({ onChange: plan, onNews: (type, e) => centreDesk.news(type, e), onState: centreState });
const centreDesk = new CentreDesk(centre, board, { run, more: moreActs, openMission: chooseMission, say, tell });
const cards = new MissionCards(centre, { run });
const fleet = new Fleet(centre, (on, id) => centreDesk.fleetActs(on, id));
const MISSIONS = missionLook(centre, (id) => cases.all.get(id));
const detail = new Detail({ run, open: choose, more: moreActs, again: (id) => cases.want(id) }, cards);
detail.callFinder = callNamed;

// What the page itself can be asked by a test or at the console: states only, no data.
window.tocsin = { alarm, get stream() { return board.stream; }, get centre() { return centre.stream; }, get shown() { return queue.items.length; } };

// ---- signing in and out

async function begin() {
  apply();
  try {
    await enter(await get("/v1/session"));
  } catch (e) {
    if (e.status === 401) signIn(enter);
    else {
      say(e.words ?? String(e), "bad");
      setTimeout(begin, 3000);
    }
  }
}

async function enter(who) {
  board.who = who;
  board.begun = 0;
  alarm.enable().catch(() => {}); // signing in was a gesture; after a reload the button asks for one
  try {
    const [catalogue] = await Promise.all([get("/v1/catalogue"), readClock()]);
    learn(catalogue);
  } catch (e) {
    say(e.words, "bad");
    if (e.status === 403) return signIn(enter);
  }
  const place = kept(who.subject);
  Object.assign(board, { tab: who.agency ? "mine" : "open", chosen: "", mission: "", priority: 0, find: "", unseen: null }, place);
  byId("find").value = board.find;
  byId("board").hidden = false;
  byId("take").hidden = linesOf(who.role).length === 0;
  detail.clear();
  drawFrame();
  board.stream?.stop();
  board.stream = new Stream("/v1/stream?state=open", { onEvent, onState });
  Object.assign(board, { centreSince: 0 });
  centre.start(who);
  if (board.tab === "centre" && !seesCentre(who)) board.tab = "open";
  if (board.chosen) cases.want(board.chosen);
  if (board.tab === "closed") pick("closed");
  return undefined;
}

async function leave() {
  board.stream?.stop();
  centre.stop();
  leaveNothing();
  await request("DELETE", "/v1/session");
  location.reload();
}

// ---- what the stream says

function onEvent(type, data) {
  if (type === "snapshot") {
    if (!board.begun && !board.who.agency) for (const i of data.incidents) if (!newSince(board.unseen, i)) board.seen.add(i.incident_id);
    board.begun = board.begun || performance.now();
    cases.snapshot(data.incidents);
    if (board.chosen && !cases.all.has(board.chosen)) cases.want(board.chosen); // it ended while we were away
  } else if (type !== "reset") {
    if (type === "TaskAlerted" && (!board.who.agency || data.data.agency === board.who.agency)) alerted(data);
    cases.event(type, data);
  }
}

// After a reload, what nobody had seen before it, or what came meanwhile, still waits to be seen.
const newSince = (unseen, i) => unseen !== null && (unseen.ids.includes(i.incident_id) || Date.parse(i.opened_at) > unseen.at);

function alerted(e) {
  const held = cases.all.get(e.incident_id);
  const once = `${e.incident_id} ${e.recorded_at}`;
  if (!held || held.exercise || board.alerted === once) return; // one call alerts every holder; a desk is told once
  board.alerted = once;
  alarm.chime();
  const words = t("alerted_told", { k: kindName(held.kind), w: placeName(held.location) });
  tell(words);
  say(words, "bad");
}

function onState(state) {
  board.line = state;
  if (state === "refused") signIn(enter);
  drawDown();
}

// A service that stands still keeps its connections: the clock, asked every few seconds, is what tells.
const UNANSWERED_MS = 7000;
let asking = false;
async function pulse() {
  if (!board.who || asking) return;
  asking = true;
  board.askedAt ||= Date.now();
  try {
    const answer = await readClock();
    board.askedAt = 0;
    if (answer.policy && answer.policy !== policyLearned()) await learnAnew();
  } catch (e) {
    if (e.status > 0 && e.status < 500) board.askedAt = 0;
  }
  asking = false;
  drawDown();
}

// A policy was put in force while the page was open: its names, and that it is another.
async function learnAnew() {
  learn(await get("/v1/catalogue"));
  say(t("policy_now", { p: policyName(policyLearned()) }));
  drawFrame();
}

function drawDown() {
  const link = byId("link");
  const silent = board.askedAt && Date.now() - board.askedAt > UNANSWERED_MS;
  const up = board.line === "on" && !silent;
  if (up) board.downSince = 0;
  else if (!board.downSince && board.line !== "off") board.downSince = silent ? board.askedAt : Date.now();
  setData(link, "state", up ? "on" : board.line === "off" ? "off" : "down");
  setText(link, t(up ? "link_on" : board.line === "refused" ? "link_refused" : board.line === "off" ? "link_off" : "link_down"));
  const lasted = board.downSince ? Date.now() - board.downSince : 0;
  byId("down").hidden = lasted < 1500;
  if (lasted >= 1500) setText(byId("down"), t("down", { s: t("age_s", { n: Math.round(lasted / 1000) }) }));
  // The centre's own line is told where the notifier's stands: with both away the first says it all.
  const silentCentre = board.centreSince && lasted < 1500 ? Date.now() - board.centreSince : 0;
  byId("centre-down").hidden = silentCentre < 1500;
  if (silentCentre >= 1500) setText(byId("centre-down"), t("centre_down", { s: t("age_s", { n: Math.round(silentCentre / 1000) }) }));
}

function centreState(state) {
  if (state === "on") board.centreSince = 0;
  else board.centreSince ||= Date.now();
  if (state === "refused" && board.line !== "refused") signIn(enter);
  drawDown();
}

// ---- the list

function filtered() {
  const wanted = board.find.trim().toLowerCase();
  if (board.tab === "centre") return centreDesk.shown(wanted);
  const all = board.tab === "closed" ? ended() : [...cases.all.values()].filter((i) => i.state === "open");
  return all
    .filter((i) => board.tab !== "mine" || mineOf(i, board.who).some(isOpen))
    .filter((i) => board.tab !== "review" || i.review.length)
    .filter((i) => !board.priority || i.priority === board.priority)
    .filter((i) => !wanted || `${i.incident_id} ${kindName(i.kind)} ${i.kind.code} ${placeName(i.location)}`.toLowerCase().includes(wanted))
    .sort(board.tab === "closed" ? (a, b) => b.updated_at.localeCompare(a.updated_at) : queueOrder);
}

// What has ended: as it was fetched, and as it has become since, reopened or newly closed.
function ended() {
  const all = new Map(board.closed.map((i) => [i.incident_id, i]));
  for (const i of cases.all.values()) if (i.state === "open") all.delete(i.incident_id); else all.set(i.incident_id, i);
  return [...all.values()];
}

// A call this page knows, and its incident; asked for where it does not.
const lookedFor = new Set();
function callNamed(id) {
  for (const i of cases.all.values()) {
    const call = i.calls.find((c) => c.call_id === id);
    if (call && i.state !== "merged") return { call, incident: i };
  }
  if (!lookedFor.has(id)) {
    lookedFor.add(id);
    get(`/v1/calls/${encodeURIComponent(id)}/incidents`).then((a) => a.incident_ids.forEach((n) => cases.want(n))).catch(() => {});
  }
  return null;
}

let drawing = 0;
function changed(id, former) {
  const fresh = id ? cases.all.get(id) : null;
  if (fresh && !former && board.begun && fresh.state === "open") tell(t("new_told", { p: fresh.priority, k: kindName(fresh.kind), w: placeName(fresh.location) }));
  plan();
}

function plan() {
  drawing ||= requestAnimationFrame(() => {
    if (board.who) alarm.set(levelOf(calling())); // who is called hears it at once, whatever is being pressed
    unpressed(draw);
  });
}

function draw() {
  drawing = 0;
  if (!board.who) return;
  const items = filtered();
  if (board.tab === "centre") queue.show(items, board.who, centre.fresh, MISSIONS);
  else queue.show(items, board.who, cases.fresh);
  queue.mark(board.tab === "centre" ? board.mission : board.chosen);
  fleet.draw(board.tab === "centre");
  setData(byId("board"), "tab", board.tab);
  cards.chosen = board.mission;
  byId("none").hidden = items.length > 0;
  setText(byId("none"), t(board.find || board.priority ? "none_found" : `none_${board.tab}`));
  const chosen = cases.all.get(board.chosen) ?? board.closed.find((i) => i.incident_id === board.chosen);
  if (chosen && (detail.incident !== chosen)) detail.show(chosen, board.who);
  else if (chosen) detail.centreChanged();
  else if (board.tab === "centre" && centre.missions.has(board.mission)) detail.showMission(centre.missions.get(board.mission), board.who);
  else if (detail.alone) detail.clear(); // taken off it: the patient is another crew's now
  drawTabs();
  drawAlarm();
  remember();
}

// Where one is, for a reload: never a word of a caller.
function remember() {
  const open = [...cases.all.values()].filter((i) => i.state === "open" && !board.seen.has(i.incident_id)).map((i) => i.incident_id);
  const { tab, chosen, mission, priority, find } = board;
  if (board.begun) keep(board.who.subject, { tab, chosen, mission, priority, find, unseen: { ids: open, at: now() } });
}

function choose(id, options = {}) {
  if (/-M\d+$/.test(id)) return chooseMission(id, options);
  if (id !== board.chosen) board.mission = centre.running(id)[0]?.mission_id ?? "";
  return open(id, options);
}

function chooseMission(id, options = {}) {
  board.mission = id;
  open(id.replace(/-M\d+$/, ""), options);
  detail.toMission(id);
}

function open(id, options) {
  if (id !== board.chosen) centre.ofIncident(id);
  board.chosen = id;
  seen(id);
  queue.choose(board.tab === "centre" ? board.mission : id, options);
  if (!cases.all.has(id) && !board.closed.some((i) => i.incident_id === id)) cases.want(id);
  draw();
}

function seen(id) {
  board.seen.add(id);
  if (board.seen.size > 20000) board.seen = new Set([...board.seen].filter((n) => cases.all.has(n)));
}

async function pick(tab) {
  board.tab = tab;
  draw();
  if (tab !== "closed") return;
  try {
    board.closed = (await get("/v1/incidents?state=closed&order=newest&limit=200")).items;
    draw();
  } catch (e) {
    say(e.words, "bad");
  }
}

// ---- the alarm

const needsMe = (i) => (board.who.agency ? waiting(i, board.who).length > 0 : !board.seen.has(i.incident_id));

const calling = () => [...cases.all.values()].filter((i) => i.state === "open" && !i.exercise && needsMe(i));
const levelOf = (open) => (open.some((i) => i.priority === 1) ? 1 : open.length ? 2 : 0);

function drawAlarm() {
  const open = calling();
  const first = open.filter((i) => i.priority === 1);
  const level = levelOf(open);
  const box = byId("alarm");
  const desk = board.who.agency ? "" : "_desk";
  const shown = `${level}:${open.length}:${first.length}:${lang()}`;
  if (box.dataset.shown !== shown) {
    box.dataset.shown = shown;
    box.hidden = !level;
    setData(box, "level", level || null);
    const next = (first.length ? first : open).sort(queueOrder)[0];
    box.replaceChildren(...(level ? [
      h("span", {}, `${t(`alarm_${level}${desk}`, { n: level === 1 ? first.length : open.length })} — ${kindName(next.kind)}${lang() === "en" ? ", " : "，"}${placeName(next.location)}`),
      h("button", { type: "button", onclick: () => choose(next.incident_id, { scroll: true }) }, t("show")),
      desk && h("button", { type: "button", onclick: () => { for (const i of open) seen(i.incident_id); draw(); } }, t("seen")),
    ].filter(Boolean) : []));
  }
  document.title = level ? `(${open.length}) ${t("title")}` : t("title");
  alarm.set(level);
  drawSound();
}

function drawSound() {
  const blocked = alarm.state === "blocked";
  setData(byId("sound"), "state", blocked ? "blocked" : null);
  setText(byId("sound"), t(blocked ? "sound_blocked" : "sound_test"));
  const left = Math.max(0, Math.ceil((alarm.mutedUntil - Date.now()) / 1000));
  setData(byId("mute"), "muted", alarm.muted ? "" : null);
  setText(byId("mute"), alarm.muted ? t("muted", { t: `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` }) : t("mute"));
  document.documentElement.dataset.alarm = alarm.state;
}
alarm.onChange = drawSound;

// ---- acts

async function run(act, on, id, given) {
  const sent = `${on}:${id}:${act}`;
  // Pressed twice, once is meant; what is asked for a second time has another answer.
  if (board.sending.has(sent) && (ofCentre(on) || !FIELDS[act])) return say(t("sending"));
  if (!ofCentre(on)) return asked(act, on, id, given);
  board.sending.add(sent);
  // Steps pressed faster than they are answered go one after another, each by what the former came to.
  try {
    await inTurn(id, () => asked(act, on, id, given));
  } finally {
    board.sending.delete(sent);
  }
}

// Asks what the act must be told, and sends it.
async function asked(act, on, id, given) {
  const sent = `${on}:${id}:${act}`;
  const incident = id.split("-").slice(0, 3).join("-");
  const of = ofCentre(on) ? id : detail.incident.incident_id;
  const held = ofCentre(on) ? centre[on].get(id) : on === "calls" || given ? null : cases.all.get(incident);
  const from = document.activeElement?.dataset?.key;
  const about = ofCentre(on) ? await centreDesk.about(act, on, id) : { ...detail.about(on, id), on, units: unitsKnown(on, id), open: [...cases.all.values()].filter((i) => i.state === "open") };
  if (!about) return;
  if (act === "merge" && about.open.length < 2) return void say(t("no_other"), "bad");
  const fields = given ?? (await ask(act, about));
  fallBack(from);
  if (!fields) return;
  board.sending.add(sent);
  const body = { command: act, ...fields, ...(act === "reveal_number" ? { call_id: id } : {}) };
  const slow = setTimeout(() => say(t("sending")), 1500);
  try {
    if (ofCentre(on)) await command(on, id, { ...body, ...(held ? { expected_version: held.version } : {}) });
    else await inTurn(of, async () => {
      const answer = await command(on, id, { ...body, ...(held ? { expected_version: cases.known(held.incident_id, held.version) } : {}) });
      cases.acted(answer?.events ?? []);
    });
    say(t("done", { c: actName(on, act) }));
    if (ofCentre(on)) await centre.take(`${on}/${id}`); // what it came to is on the page before the next act
    if (act === "reveal_number") {
      detail.revealed.set(id, (await get(`/v1/calls/${encodeURIComponent(id)}/number`)).number);
      detail.draw();
    }
  } catch (e) {
    say(e.words ?? String(e), e.code === "still_pending" ? "" : "bad");
    if (ofCentre(on)) centre.want(on, id);
  } finally {
    clearTimeout(slow);
    if (!ofCentre(on)) board.sending.delete(sent);
  }
  if (on !== "calls" && !ofCentre(on)) cases.want(incident);
}

// One's acts on an incident or a mission go out one after the other: the second of a quick hand neither overtakes the
// first nor is refused for it, as somebody else's act would be a reason to look again.
async function inTurn(id, send) {
  const former = board.acts.get(id);
  const mine = (async () => {
    await former?.catch(() => {});
    await send();
  })();
  board.acts.set(id, mine);
  try {
    await mine;
  } finally {
    if (board.acts.get(id) === mine) board.acts.delete(id);
  }
}

// Units that can be offered for a task: what its agency has named in the incidents this page knows, or who was sent
// to this one by the 120 centre. The policy lists ambulances alone.
function unitsKnown(on, id) {
  const task = on === "tasks" && detail.incident?.tasks.find((x) => x.task_id === id);
  if (!task) return [];
  if (task.agency_class === "medical") return [...new Set(centre.running(detail.incident.incident_id).map((m) => m.unit_id).filter(Boolean))].map((u) => ({ value: u, text: unitName(centre, u) }));
  const whose = (x) => x.held_by || x.agency;
  const seen = [...cases.all.values()].flatMap((i) => i.tasks).filter((x) => whose(x) === whose(task)).flatMap((x) => x.units);
  return [...new Set(seen)].sort().map((u) => ({ value: u, text: u }));
}

// Every act on the chosen incident, for whoever works by keys; `only` those one key could mean.
async function moreActs(only = null) {
  const entries = (detail.incident ? detail.acts() : detail.alone ? cards.acts() : []).filter((e) => !only || only(e));
  if (!entries.length) return say(t("more_none"), "bad");
  const from = document.activeElement?.dataset?.key;
  const picked = await chooseAct(entries);
  fallBack(from);
  if (picked) run(picked.act, picked.on, picked.id);
}

// The act of a key: on the task of mine that can take it, in the chosen incident. Of several, one is chosen.
function runKey(act) {
  const i = cases.all.get(board.chosen);
  if (!i) return;
  const able = (of) => of.filter((x) => [...taskActs(x, i, board.who).main, ...taskActs(x, i, board.who).more].includes(act));
  const own = able(mineOf(i, board.who));
  const all = own.length ? own.slice(0, 1) : able(i.tasks);
  if (all.length === 1) run(act, "tasks", all[0].task_id);
  else if (all.length) moreActs((e) => e.on === "tasks" && e.act === act);
}

// ---- words to the reader

function say(words, tone = "") {
  const p = h("p", { data: { tone } }, words);
  const box = byId("said");
  box.append(p);
  while (box.children.length > 4) box.firstChild.remove();
  setTimeout(() => p.remove(), tone === "bad" ? 12000 : 4000);
}

function tell(words) {
  const box = byId("told");
  box.append(h("p", {}, words));
  while (box.children.length > 3) box.firstChild.remove();
}

// ---- the frame

function drawTabs() {
  const open = [...cases.all.values()].filter((i) => i.state === "open");
  const missions = centre.running();
  const counts = { open: open.length, centre: missions.length, mine: open.filter((i) => mineOf(i, board.who).some(isOpen)).length, review: open.filter((i) => i.review.length).length };
  for (const node of byId("tabs").children) {
    const tab = node.dataset.tab;
    node.setAttribute("aria-selected", tab === board.tab);
    const badge = node.querySelector("b");
    if (badge) {
      setText(badge, String(counts[tab]));
      const hot = tab === "mine" ? open.some((i) => waiting(i, board.who).length) : tab === "centre" && missions.some((m) => m.state === "waiting" && !m.exercise);
      setData(badge, "hot", hot ? "" : null);
    }
  }
  for (const node of byId("chips").children) node.setAttribute("aria-pressed", Number(node.dataset.p) === board.priority);
}

function drawFrame() {
  apply();
  byId("language").textContent = lang() === "zh" ? "English" : "中文";
  byId("language").lang = lang() === "zh" ? "en" : "zh-CN";
  byId("find").placeholder = t("find");
  byId("find").setAttribute("aria-label", t("find"));
  byId("queue").setAttribute("aria-label", t("tab_open"));
  byId("help").title = t("keys");
  if (!board.who) return;
  const { role, agency, subject } = board.who;
  setText(byId("who"), [label("role", role), agency && agencyName(agency), subject !== agency && subject !== role && subject].filter(Boolean).join(" · "));
  byId("tabs").replaceChildren(...TABS.filter((x) => (x !== "mine" || board.who.agency) && (x !== "centre" || seesCentre(board.who))).map((tab) =>
    h("button", { type: "button", role: "tab", data: { tab }, onclick: () => pick(tab) }, t(`tab_${tab}`), tab !== "closed" && h("b", {}))));
  byId("chips").replaceChildren(...[1, 2, 3, 4].map((p) => h("button", { type: "button", data: { p }, "aria-label": `${t("priority")} ${p}`, onclick: () => sift(p) }, String(p))));
  setText(byId("zone"), t("zone"));
  byId("zone").title = t("zone_long");
  drawDown();
  queue.redraw();
  if (detail.incident) detail.draw();
  else if (!detail.alone) detail.clear();
  delete byId("alarm").dataset.shown;
  draw();
}

function sift(p) {
  board.priority = board.priority === p ? 0 : p;
  draw();
}

function called(answer) {
  say(t(answer.durability === "spooled" ? "call_spooled" : "call_done", { id: answer.call_id }));
}

const keys = {
  j: () => queue.step(1), arrowdown: () => queue.step(1), k: () => queue.step(-1), arrowup: () => queue.step(-1),
  m: () => alarm.mute(), t: () => alarm.test(), l: () => switchLanguage(), "?": () => help(seesCentre(board.who)),
  "/": () => byId("find").focus(), n: () => byId("take").hidden || take(), g: () => moreActs(),
  "[": () => turn(-1), "]": () => turn(1), enter: () => byId("detail").focus(),
  ...Object.fromEntries([1, 2, 3, 4].map((p) => [String(p), () => sift(p)])),
  ...Object.fromEntries(Object.entries(MISSION_KEYS).map(([key, act]) => [key, () => centreDesk.key(act)])),
  ...Object.fromEntries(Object.entries(KEYS).map(([key, act]) => [key, () => (board.tab === "centre" && MISSION_KEYS[key] ? centreDesk.key(MISSION_KEYS[key]) : runKey(act))])),
  b: () => seesCentre(board.who) && (pick("centre"), fleet.focus()),
};
const HELD = ["j", "k", "arrowdown", "arrowup"]; // keys that may be held down; an act is meant once

function take() {
  takeCall(board.who, called, () => say(t("draft_kept")));
}

function turn(by) {
  const tabs = [...byId("tabs").children].map((n) => n.dataset.tab);
  pick(tabs[(tabs.indexOf(board.tab) + by + tabs.length) % tabs.length]);
}

function switchLanguage() {
  chooseLanguage(lang() === "zh" ? "en" : "zh");
  drawFrame();
}

document.addEventListener("keydown", (e) => {
  if (alarm.state === "blocked" && board.who) alarm.enable();
  if (e.ctrlKey || e.altKey || e.metaKey || byId("dialog").open || !board.who) return;
  if (e.target.matches("input, textarea, select")) {
    if (e.key === "Escape") e.target.blur();
    return;
  }
  if (e.target.matches("button") && (e.key === "Enter" || e.key === " ")) return;
  const does = keys[e.key.toLowerCase()];
  if (!does || (e.repeat && !HELD.includes(e.key.toLowerCase()))) return;
  e.preventDefault();
  does();
});
document.addEventListener("pointerdown", () => board.who && alarm.state === "blocked" && alarm.enable());
byId("sound").addEventListener("click", () => alarm.test());
byId("mute").addEventListener("click", () => alarm.mute());
byId("language").addEventListener("click", switchLanguage);
byId("help").addEventListener("click", () => help(seesCentre(board.who)));
byId("out").addEventListener("click", leave);
byId("take").addEventListener("click", take);
byId("find").addEventListener("input", (e) => {
  board.find = e.target.value;
  draw();
});
byId("find").addEventListener("keydown", (e) => {
  // A whole id is asked for wherever it is, in no list or in one not loaded.
  if (e.key === "Enter" && /^\d{6}-\d{8}-\d{6,9}$/.test(board.find.trim())) choose(board.find.trim());
});
byId("dialog").addEventListener("click", (e) => e.target === byId("dialog") && board.who && closeUnlessWritten());
window.addEventListener("beforeunload", (e) => (hasDraft() || unsent()) && e.preventDefault());

setInterval(() => {
  if (!board.who) return;
  setText(byId("now"), clock(now()));
  queue.tick();
  detail.tick();
  drawDown();
  drawSound();
}, 1000);
setInterval(pulse, 5000);

begin();
