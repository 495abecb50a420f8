// The 120 centre's desk: what its keys mean, what it must hear of at once, and what its questions need to know.
import { actName } from "./acts.js";
import { alarm } from "./alarm.js";
import { EMS, get } from "./api.js";
import { missionOrder, seesCentre } from "./centre.js";
import { chooseAct } from "./dialogs.js";
import { byId } from "./dom.js";
import { t } from "./i18n.js";
import { actOfKey, ASKS_OFFER, canDo, hospitalActs, none, unitActs } from "./missionacts.js";
import { grave, missionName, unitName } from "./missions.js";
import { placeName } from "./words.js";

// A crew that is silent or cannot go, a patient without an ambulance, more patients than usual.
const NEWS = ["AcknowledgementMissed", "AssignmentRefused", "MissionQueued", "MassCasualtyDeclared"];

export class CentreDesk {
  // `page`: run(act, on, id), more(only), openMission(id, options), say(words, tone), tell(words).
  constructor(centre, board, page) {
    Object.assign(this, { centre, board, page });
  }

  news(type, e) {
    const m = this.centre.missions.get(e.mission_id);
    if (!NEWS.includes(type) || !m || e.exercise || this.board.who.role === "crew") return;
    const words = t(`news.${type}`, { u: unitName(this.centre, e.data.unit_id), k: missionName(m), w: placeName(m.location), n: e.data.patients ?? "" });
    alarm.chime();
    this.page.tell(words);
    this.page.say(words, "bad");
  }

  // The missions of the list, as they are sifted and looked for.
  shown(wanted) {
    const words = (m) => `${m.mission_id} ${m.unit_id ?? ""} ${unitName(this.centre, m.unit_id)} ${missionName(m)} ${placeName(m.location)}`.toLowerCase();
    return this.centre.running()
      .filter((m) => !this.board.priority || grave(m) === this.board.priority)
      .filter((m) => !wanted || words(m).includes(wanted))
      .sort(missionOrder);
  }

  // The missions a key can mean: the chosen one in the 120 list; elsewhere the open incident's, those that can.
  able(act) {
    const can = (m) => m && canDo(m, this.board.who, actOfKey(m, act));
    return (this.board.tab === "centre" ? [this.centre.missions.get(this.board.mission)] : this.centre.running(this.board.chosen)).filter(can);
  }

  key(act) {
    if (!seesCentre(this.board.who)) return;
    const able = this.able(act);
    if (able.length === 1) this.page.run(actOfKey(able[0], act), "missions", able[0].mission_id);
    else if (able.length) this.page.more((e) => e.on === "missions" && able.some((m) => m.mission_id === e.id && e.act === actOfKey(m, act)));
    else this.page.say(t("not_now", { c: actName("missions", act) }), "bad");
  }

  // An ambulance or a hospital: what can be said of it now.
  async fleetActs(on, id) {
    const held = this.centre[on].get(id);
    const acts = on === "units" ? unitActs(held, this.board.who) : hospitalActs(held, this.board.who);
    const entries = acts.map((act) => ({ act, on, id, words: held.label || id }));
    const mission = on === "units" && this.centre.missions.get(held.mission_id);
    if (mission) entries.unshift({ act: "show", on, id, words: missionName(mission) });
    if (!entries.length) return this.page.say(t("more_none"), "bad");
    const picked = await chooseAct(entries);
    if (picked?.act === "show") this.page.openMission(mission.mission_id, { scroll: true });
    else if (picked) await this.page.run(picked.act, on, id);
    const nowhere = document.activeElement === document.body;
    return nowhere && byId("fleet-list").querySelector(`[data-id="${CSS.escape(id)}"]`)?.focus();
  }

  // What a question needs to know, or null where there is nothing to ask; whom one can send is asked there, as of now.
  async about(act, on, id) {
    const held = this.centre[on].get(id);
    if (!held) return null;
    const about = { on, centre: this.centre, mission: on === "missions" ? held : null, hospital: on === "hospitals" ? held : null, words: on === "missions" ? missionName(held) : held.label };
    if (!ASKS_OFFER.has(act)) return about;
    try {
      about.offer = await get(`${EMS}/missions/${encodeURIComponent(id)}/candidates`);
    } catch (e) {
      return void this.page.say(e.words ?? String(e), "bad");
    }
    return none(act, about.offer) ? void this.page.say(t(act === "leave" ? "no_hospital" : "no_unit_free"), "bad") : about;
  }
}
