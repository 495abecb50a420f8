// The list: only the rows on screen exist, so a thousand incidents scroll like ten.
import { cardOf, nextClock, waiting } from "./cases.js";
import { byId, h, setData, setText } from "./dom.js";
import { label, t } from "./i18n.js";
import { age, countdown, now } from "./time.js";
import { agencyName, kindName, placeName } from "./words.js";

const HEIGHT = 92;
const SPARE = 6;

export class Queue {
  constructor(onChoose) {
    this.box = byId("queue");
    this.rows = byId("rows");
    this.items = [];
    this.nodes = new Map();
    this.chosen = "";
    this.look = INCIDENTS;
    this.fresh = new Set();
    this.onChoose = onChoose;
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.rows.addEventListener("click", (e) => {
      const row = e.target.closest(".row");
      if (row) this.onChoose(row.dataset.id);
    });
  }

  // `look`: how this list's items are named and drawn; another list than before begins at its top.
  show(items, who, fresh, look = INCIDENTS) {
    if (look !== this.look) this.clear(look);
    const held = this.anchor();
    Object.assign(this, { items, who, fresh });
    this.rows.style.height = `${items.length * HEIGHT}px`;
    const moved = held ? this.place(held.id) - held.at : 0;
    // What is pointed at, or read further down, stays where it is while others come in above it.
    if (held && moved > 0) this.box.scrollTop += moved * HEIGHT;
    this.draw();
  }

  // Which row is the chosen one, where that is not the reader's own choosing.
  mark(id) {
    if (this.chosen === id) return;
    this.chosen = id;
    this.draw();
  }

  clear(look) {
    this.look = look;
    this.items = [];
    this.nodes.clear();
    this.rows.replaceChildren();
    this.box.scrollTop = 0;
  }

  place(id) {
    return this.items.findIndex((i) => this.look.id(i) === id);
  }

  // The row that must not move: the one under the pointer, else the first in sight of a list that was scrolled.
  anchor() {
    const under = this.rows.querySelector(".row:hover")?.dataset.id;
    const first = this.box.scrollTop > 0 ? this.items[Math.ceil(this.box.scrollTop / HEIGHT)] : null;
    const id = under ?? (first && this.look.id(first));
    const at = id ? this.place(id) : -1;
    return at < 0 ? null : { id, at };
  }

  choose(id, { scroll = false } = {}) {
    this.chosen = id;
    if (scroll) {
      const at = this.place(id);
      if (at >= 0) {
        const top = at * HEIGHT;
        if (top < this.box.scrollTop) this.box.scrollTop = top;
        else if (top + HEIGHT > this.box.scrollTop + this.height()) this.box.scrollTop = top + HEIGHT - this.height();
      }
    }
    this.draw();
  }

  // What of the list can be seen: the bands lie over its foot.
  height() {
    return this.box.clientHeight - byId("bands").offsetHeight;
  }

  step(by) {
    if (!this.items.length) return;
    const at = this.place(this.chosen);
    const to = at < 0 ? 0 : Math.min(this.items.length - 1, Math.max(0, at + by));
    this.onChoose(this.look.id(this.items[to]), { scroll: true });
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / HEIGHT) - SPARE);
    const last = Math.min(this.items.length, Math.ceil((this.box.scrollTop + this.box.clientHeight) / HEIGHT) + SPARE);
    const seen = new Set();
    for (let at = first; at < last; at += 1) {
      const item = this.items[at];
      const id = this.look.id(item);
      seen.add(id);
      let row = this.nodes.get(id);
      if (!row || row.item !== item) {
        const node = this.look.row(item, this.who, this.fresh.delete(id));
        row?.node.replaceWith(node);
        if (!row) this.rows.append(node);
        row = { node, item };
        this.nodes.set(id, row);
      }
      const place = `translateY(${at * HEIGHT}px)`;
      if (row.node.style.transform !== place) row.node.style.transform = place;
      row.node.setAttribute("aria-posinset", at + 1);
      row.node.setAttribute("aria-setsize", this.items.length);
      row.node.setAttribute("aria-selected", id === this.chosen);
    }
    for (const [id, row] of this.nodes) {
      if (!seen.has(id)) {
        row.node.remove();
        this.nodes.delete(id);
      }
    }
    if (seen.has(this.chosen)) this.box.setAttribute("aria-activedescendant", `row-${this.chosen}`);
    else this.box.removeAttribute("aria-activedescendant");
    this.tick();
  }

  redraw() {
    for (const row of this.nodes.values()) row.item = null;
    this.draw();
  }

  tick() {
    for (const { node, item } of this.nodes.values()) if (item) this.look.tick(node, item, this.who);
  }
}

function incidentRow(item, who, isFresh) {
  const mine = waiting(item, who).length > 0;
  return h("div", {
    class: "row", id: `row-${item.incident_id}`, role: "option",
    data: { id: item.incident_id, p: item.priority, ...(mine ? { mine: "" } : {}), ...(item.exercise ? { exercise: "" } : {}), ...(isFresh ? { fresh: "" } : {}) },
  },
  h("div", { class: "rank", title: t("priority") }, String(item.priority)),
  h("div", { class: "body" },
    h("div", { class: "what" }, h("span", {}, kindName(item.kind)),
      item.exercise && h("span", { class: "pill drill" }, t("drill")),
      item.supervised && h("span", { class: "pill", data: { hot: "" } }, t("supervised")),
      item.state !== "open" && h("span", { class: "pill" }, item.state === "merged" ? t("merged", { id: item.merged_into }) : t("closed"))),
    h("div", { class: "where" }, placeName(item.location)),
    h("div", { class: "pills" }, item.review.length > 0 && item.state === "open" && h("span", { class: "pill", data: { hot: "" } }, t("review")), pills(item, who))),
  h("div", { class: "time" }, h("span", { class: "due" }), h("span", { class: "of" }), h("span", { class: "of" })));
}

function incidentTick(node, item, who) {
  const [due, of, old] = node.lastChild.children;
  const clock = item.state === "open" ? nextClock(item, who) : null;
  setText(due, clock ? countdown(clock.due) : t("none_running"));
  setData(due, "card", clock ? cardOf(clock, now()) : null);
  setText(of, clock ? `${label("clock", clock.clock)}${now() > clock.due ? ` · ${t("overdue")}` : ""}` : "");
  setText(old, [age(Date.parse(item.opened_at)), clock?.agency && !who.agency ? agencyName(clock.agency) : ""].filter(Boolean).join(" · "));
}

function pills(item, who) {
  const own = who.agency ? item.tasks.filter((task) => task.agency === who.agency) : [];
  const rest = item.tasks.filter((task) => !own.includes(task));
  return [...own, ...rest].slice(0, 5).map((task) =>
    h("span", { class: "pill", data: { state: task.state, ...(own.includes(task) ? { own: "" } : {}) } }, `${label("class", task.agency_class)} ${label("state", task.state)}`));
}

const INCIDENTS = { id: (i) => i.incident_id, row: incidentRow, tick: incidentTick };
