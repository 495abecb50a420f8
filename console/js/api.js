// Requests to our own origin. Errors come out as `Refusal`: a stable code, and words with the mend.
import { has, t } from "./i18n.js";

export class Refusal extends Error {
  constructor(status, code, detail, errors = []) {
    super(detail);
    Object.assign(this, { status, code, errors });
  }
  get words() {
    const known = `error.${this.code}`;
    const fields = this.errors.map((e) => `${e.field}: ${e.message}`).join("; ");
    const said = has(known) ? t(known) : `${t("error.other", { code: this.code })} ${this.message}`;
    return fields ? `${said} (${fields})` : said;
  }
}

export async function request(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(15000),
    });
  } catch {
    throw new Refusal(0, "unreachable", "");
  }
  if (answer.status === 204) return null;
  let held = {};
  try {
    held = await answer.json();
  } catch {
    if (answer.ok) return null;
  }
  if (!answer.ok) throw new Refusal(answer.status, held.code ?? `http_${answer.status}`, held.detail ?? "", held.errors ?? []);
  return held;
}

export const get = (path) => request("GET", path);

const freshId = () => (crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join(""));

// Where the 120 centre's paths stand on this origin, and what it decides about.
export const EMS = "/ems120/v1";
export const ofCentre = (on) => ["missions", "units", "hospitals"].includes(on);

// One act: sent with its own id, so that sending it again after a lost answer has no second effect.
export async function command(on, id, body) {
  const sent = { command_id: `console-${freshId()}`, ...body };
  const base = ofCentre(on) ? EMS : "/v1";
  const path = `${base}/${on}/${encodeURIComponent(id)}/commands?wait=2`;
  let answer;
  for (let attempt = 0; ; attempt += 1) {
    try {
      answer = await request("POST", path, sent);
      break;
    } catch (e) {
      if (attempt >= 2 || !(e.status === 0 || e.status === 503)) throw e;
      await new Promise((go) => setTimeout(go, 400 * (attempt + 1)));
    }
  }
  for (let i = 0; answer?.outcome === "pending" && i < 20; i += 1) {
    await new Promise((go) => setTimeout(go, 500));
    answer = await get(`${base}/commands/${encodeURIComponent(sent.command_id)}`);
  }
  if (answer?.outcome === "pending") throw new Refusal(202, "still_pending", "");
  if (answer?.outcome === "refused") throw new Refusal(409, answer.code ?? "refused", answer.detail ?? "");
  return answer;
}
export { freshId };
