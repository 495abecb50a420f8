// Questions: what an act must be told, signing in, taking a call, the keys.
import { actName, FIELDS, SHAPES } from "./acts.js";
import { freshId, request, Refusal } from "./api.js";
import { byId, h } from "./dom.js";
import { choose, label, lang, t } from "./i18n.js";
import { now } from "./time.js";

const dialog = () => byId("dialog");

// What the question that stands open does at its end.
let atEnd = null;

function end() {
  const then = atEnd;
  atEnd = null;
  then?.();
}

function open(content, then = null) {
  end();
  atEnd = then;
  const box = dialog();
  box.replaceChildren(...content);
  if (!box.open) box.showModal();
  (box.querySelector("[autofocus]") ?? box.querySelector("textarea, input, select"))?.focus();
}

// The browser tells of a shut dialog only later, and a quick hand may have opened the next question by then:
// that late word must not end the new one. So the end is told here, and the browser's word counts for Escape alone.
export function shut() {
  if (!dialog().open) return;
  dialog().close();
  end();
}
dialog().addEventListener("close", () => dialog().open || end());

function field(f) {
  const name = f.name;
  const required = f.needed !== false;
  if (f.type === "check") return h("label", { class: "check" }, h("input", { type: "checkbox", name }), f.label);
  if (f.type === "checks") return h("fieldset", {}, h("legend", {}, f.label), f.options.map((o) => h("label", { class: "check" }, h("input", { type: "checkbox", name, value: o.value }), h("span", {}, o.text))));
  if (f.type === "rank") return rank(f);
  if (f.type === "pick") return h("label", {}, f.label, h("input", { name, required, autocomplete: "off", list: `${name}-list` }), h("datalist", { id: `${name}-list` }, f.options.map((o) => h("option", { value: o.value }, o.text))));
  if (f.options) return h("label", {}, f.label, h("select", { name, required }, f.options.map((o) => h("option", { value: o.value, selected: o.value === f.value }, o.text))));
  const long = f.type === "area" || f.type === "lines";
  const held = { name, required, autocomplete: "off", ...(f.type === "moment" ? { type: "datetime-local" } : f.type === "whole" ? { inputMode: "numeric" } : {}), defaultValue: f.value ?? "" };
  if (f.known?.length) return known(f, h("input", held));
  return h("label", {}, f.label, long ? h("textarea", { name, rows: f.rows ?? 3, required, maxLength: 4000 }) : h("input", held));
}

// A list to type, and under it what is known already: a press puts it in or takes it out.
function known(f, input) {
  const listed = () => listOf(input.value);
  const buttons = f.known.map((o) => h("button", { type: "button", onclick: () => {
    input.value = (listed().includes(o.value) ? listed().filter((v) => v !== o.value) : [...listed(), o.value]).join(", ");
    mark();
  } }, o.text));
  const mark = () => f.known.forEach((o, at) => buttons[at].setAttribute("aria-pressed", listed().includes(o.value)));
  input.addEventListener("input", mark);
  mark();
  return h("div", {}, h("label", {}, f.label, input), h("div", { class: "known", role: "group", "aria-label": f.label }, buttons));
}

const listOf = (text) => text.split(/[,，、\s]+/).filter(Boolean);

// Best first: the first is chosen, arrows choose another, Enter sends; a figure sends that one at once.
function rank(f) {
  const rows = f.options.map((o, at) => h("label", {}, h("input", { type: "radio", name: f.name, value: o.value, checked: at === 0 }), at < 9 && h("kbd", {}, String(at + 1)), h("b", {}, o.text), h("span", { class: "side" }, o.side), h("span", { class: "quiet" }, o.quiet)));
  const list = h("div", { class: "rankings" }, rows);
  list.addEventListener("keydown", (e) => {
    const row = e.repeat ? null : rows[Number(e.key) - 1];
    if (!row || e.ctrlKey || e.altKey || e.metaKey) return;
    e.preventDefault();
    row.firstChild.checked = true;
    row.closest("form").requestSubmit();
  });
  return h("fieldset", {}, h("legend", {}, f.label), list);
}

function read(form, fields) {
  const held = {};
  for (const f of fields) {
    if (f.type === "checks") {
      held[f.name] = [...form.querySelectorAll(`input[name="${f.name}"]:checked`)].map((n) => n.value);
      continue;
    }
    const node = form.elements[f.name];
    const value = f.type === "check" ? node.checked : node.value.trim();
    if (f.type === "list") held[f.name] = listOf(value);
    else if (f.type === "lines") held[f.name] = value.split("\n").map((s) => s.trim()).filter(Boolean);
    else if (f.type === "number") held[f.name] = Number(value);
    else if (value !== "" || f.needed !== false) held[f.name] = value;
  }
  return held;
}

// Whether somebody has written something here that is not sent: neither a stray click nor a reload may lose it.
export const unsent = () => [...dialog().querySelectorAll("form:not(.sign) :is(textarea, input:not([type=radio], [type=checkbox]))")].some((n) => n.value !== n.defaultValue);
export const closeUnlessWritten = () => unsent() || shut();

// Every act that is possible, one line each: arrows and Enter, or a click. Resolves to the one chosen, or null.
export function chooseAct(entries) {
  return new Promise((resolve) => {
    let given = null;
    const list = h("div", { class: "palette" }, entries.map((e) => h("button", { type: "button", data: { act: e.act, id: e.id }, onclick: () => {
      given = e;
      shut();
    } }, actName(e.on, e.act), e.words && h("span", { class: "quiet" }, ` ${e.words}`))));
    list.addEventListener("keydown", (e) => {
      const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[e.key];
      if (!step) return;
      e.preventDefault();
      const all = [...list.children];
      all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
    });
    open([h("h2", {}, t("more_title")), list, h("div", { class: "end" }, h("button", { type: "button", onclick: shut }, t("cancel")))], () => resolve(given));
    list.firstChild?.focus();
  });
}

// Asks what an act needs and resolves to its fields; null where one thought better of it.
export function ask(act, about) {
  const fields = FIELDS[act]?.(about);
  if (!fields) return Promise.resolve({});
  return new Promise((resolve) => {
    let given = null;
    const wrong = h("p", { class: "wrong", role: "alert" });
    const form = h("form", {
      method: "dialog",
      onsubmit: (e) => {
        e.preventDefault();
        try {
          given = (SHAPES[act] ?? ((held) => held))(read(form, fields), about);
        } catch (words) {
          if (typeof words !== "string") throw words;
          wrong.textContent = words;
          return;
        }
        shut();
      },
    }, fields.filter((f) => !f.small).slice(0, 1).map(field), fields.some((f) => f.small) && h("div", { class: "grid" }, fields.filter((f) => f.small).map(field)), fields.filter((f) => !f.small).slice(1).map(field), wrong, h("div", { class: "end" }, h("button", { type: "button", onclick: shut }, t("cancel")), h("button", { class: "strong", type: "submit" }, t("ok"))));
    submitOnEnter(form);
    open([h("h2", {}, [actName(about.on, act), about.words].filter(Boolean).join(" · ")), form], () => resolve(given));
  });
}

function submitOnEnter(form) {
  form.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || !(e.ctrlKey || e.metaKey)) return;
    e.preventDefault(); // on a button it would press that too
    form.requestSubmit();
  });
}

export function signIn(onIn) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const other = () => {
    choose(lang() === "zh" ? "en" : "zh");
    dialog().removeEventListener("cancel", stay);
    signIn(onIn);
  };
  const form = h("form", {
    class: "sign",
    onsubmit: async (e) => {
      e.preventDefault();
      try {
        const who = await request("POST", "/v1/session", { token: form.elements.token.value.trim() });
        form.reset();
        dialog().removeEventListener("cancel", stay);
        shut();
        onIn(who);
      } catch (refusal) {
        wrong.textContent = refusal.words;
      }
    },
  }, h("label", {}, t("token"), h("input", { name: "token", type: "password", required: true, autocomplete: "off", autofocus: true })), h("p", { class: "quiet" }, t("token_hint")), wrong,
  h("div", { class: "end" }, h("button", { type: "button", lang: lang() === "zh" ? "en" : "zh-CN", onclick: other }, lang() === "zh" ? "English" : "中文"), h("button", { class: "strong", type: "submit" }, t("enter"))));
  const stay = (e) => e.preventDefault();
  dialog().addEventListener("cancel", stay);
  open([h("h2", {}, t("sign_in")), form]);
}

const LINES = { call_taker: ["110", "119", "122"], hotline: ["12345"], ems_dispatcher: ["120"] };
export const linesOf = (role) => LINES[role] ?? (role === "commander" || role === "admin" ? ["110", "119", "122", "120", "12345"] : []);

// What was written of a call and not sent yet; in this page's memory alone.
let draft = null;
const WRITTEN = ["text", "address", "number", "name"];
const MARKED = ["confidential", "unsafe", "exercise"];
export const hasDraft = () => draft !== null;

function drafted(form, kept) {
  const f = form.elements;
  const words = Object.fromEntries(WRITTEN.map((n) => [n, f[n].value]));
  const any = WRITTEN.some((n) => words[n].trim());
  return any ? { ...kept, line: f.line.value, words, marks: MARKED.filter((n) => f[n].checked) } : null;
}

function refill(form, kept) {
  for (const n of WRITTEN) form.elements[n].value = kept.words[n];
  for (const n of MARKED) form.elements[n].checked = kept.marks.includes(n);
  form.elements.line.value = kept.line;
}

export function takeCall(who, onDone, onKept) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const former = draft;
  let sent = false;
  // A call sent again under its own id has no second effect, so a draft keeps the id it may have been sent under.
  const callId = former?.callId ?? `desk-${freshId()}`;
  const answered = former?.answered ?? new Date(now()).toISOString();
  const send = h("button", { class: "strong", type: "submit" }, t("call_send"));
  const form = h("form", {
    onsubmit: async (e) => {
      e.preventDefault();
      send.disabled = true;
      wrong.textContent = t("sending");
      try {
        const answer = await request("POST", "/v1/calls", posted(form.elements, callId, answered));
        sent = true;
        shut();
        onDone(answer);
      } catch (refusal) {
        if (!(refusal instanceof Refusal)) throw refusal;
        wrong.textContent = refusal.words;
        send.disabled = false;
      }
    },
  },
  h("div", { class: "lines", role: "radiogroup", "aria-label": t("call_line") }, linesOf(who.role).map((line, i) =>
    h("label", {}, h("input", { type: "radio", name: "line", value: line, checked: i === 0 }), h("span", {}, line)))),
  h("label", {}, t("call_text"), h("textarea", { name: "text", rows: 4, maxLength: 20000, autofocus: true })),
  h("label", {}, t("call_address"), h("input", { name: "address", autocomplete: "off", maxLength: 300 })),
  h("div", { class: "pair" }, h("label", {}, t("call_number"), h("input", { name: "number", type: "tel", autocomplete: "off", maxLength: 40 })), h("label", {}, t("call_name"), h("input", { name: "name", autocomplete: "off", maxLength: 80 }))),
  h("label", { class: "check" }, h("input", { type: "checkbox", name: "confidential" }), t("call_confidential")),
  h("label", { class: "check" }, h("input", { type: "checkbox", name: "unsafe" }), t("call_unsafe")),
  h("label", { class: "check" }, h("input", { type: "checkbox", name: "exercise" }), t("call_exercise")),
  wrong, h("div", { class: "end" }, h("button", { type: "button", onclick: () => {
    form.reset();
    shut();
  } }, t("draft_discard")), h("button", { type: "button", onclick: shut }, t("close")), send));
  submitOnEnter(form);
  open([h("h2", {}, t("call_title")), form], () => {
    draft = sent ? null : drafted(form, { callId, answered });
    if (draft) onKept();
  });
  if (former) refill(form, former);
}

function posted(f, callId, answered) {
  const body = { call_id: callId, line: f.line.value, channel: "voice", answered_at: answered };
  const caller = {};
  if (f.number.value.trim()) caller.number = f.number.value.trim();
  if (f.name.value.trim()) caller.name = f.name.value.trim();
  if (f.confidential.checked) caller.confidential = true;
  if (f.unsafe.checked) caller.safe_to_contact = false;
  if (Object.keys(caller).length) body.caller = caller;
  if (f.text.value.trim()) body.text = f.text.value.trim();
  if (f.address.value.trim()) body.location = { address: f.address.value.trim() };
  if (f.exercise.checked) body.exercise = true;
  return body;
}

const HELP = [["J / K", "key_next"], ["A", "key_ack"], ["C", "key_accept"], ["D", "key_dispatch"], ["R", "key_arrive"], ["F", "key_feedback"], ["X", "key_complete"], ["N", "key_take"], ["G", "key_more"], ["/", "key_find"], ["1 2 3 4", "key_priority"], ["[ ]", "key_tab"], ["M", "key_mute"], ["T", "key_test"], ["L", "key_language"], ["?", "key_help"]];

const CENTRE_HELP = [["B", "key_fleet"], ["U", "key_unit"], ["A D R", "key_way"], ["P V H O", "key_patient"], ["I", "key_triage"], ["Y", "key_refuse"], ["E", "key_end"]];

export function help(centre) {
  open([h("h2", {}, t("keys")), h("table", { class: "keys" }, h("tbody", {}, [...HELP, ...(centre ? CENTRE_HELP : [])].map(([key, name]) => h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, t(name)))))),
    h("div", { class: "end" }, h("button", { class: "strong", type: "button", onclick: shut, autofocus: true }, t("close")))]);
}

