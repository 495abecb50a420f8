// The deployment's clock, which need not be this machine's, and times in words.
import { get } from "./api.js";
import { t } from "./i18n.js";

let base = Date.now();
let seen = performance.now();
let factor = 1;

export async function readClock() {
  const asked = performance.now();
  const answer = await get("/v1/now");
  seen = (asked + performance.now()) / 2;
  base = Date.parse(answer.now);
  factor = answer.factor;
  return answer;
}

export const now = () => base + (performance.now() - seen) * factor;

const two = (n) => String(n).padStart(2, "0");
const zone = { timeZone: "Asia/Shanghai", hour12: false };
const clockForm = new Intl.DateTimeFormat("en-GB", { ...zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayForm = new Intl.DateTimeFormat("sv-SE", { ...zone, year: "numeric", month: "2-digit", day: "2-digit" });
export const clock = (at) => clockForm.format(at);
export const day = (at) => dayForm.format(at);
export const moment = (at) => (day(at) === day(now()) ? clock(at) : `${day(at).slice(5)} ${clock(at)}`);

export function countdown(due) {
  const s = Math.trunc((due - now()) / 1000);
  const sign = s < 0 ? "+" : "";
  const rest = Math.abs(s);
  if (rest >= 86400 * 2) return `${sign}${t("days", { n: Math.floor(rest / 86400) })}`;
  if (rest >= 3600) return `${sign}${Math.floor(rest / 3600)}:${two(Math.floor((rest % 3600) / 60))}:${two(rest % 60)}`;
  return `${sign}${two(Math.floor(rest / 60))}:${two(rest % 60)}`;
}

export function age(at) {
  const s = Math.max(0, (now() - at) / 1000);
  if (s < 60) return t("age_s", { n: Math.floor(s) });
  if (s < 3600) return t("age_m", { n: Math.floor(s / 60) });
  if (s < 86400 * 2) return t("age_h", { n: Math.floor(s / 3600) });
  return t("age_d", { n: Math.floor(s / 86400) });
}
