"""`tocsin explain ID`: the story of a call, an incident, a task or a mission, with the reasons of every decision."""

import json
import re
from typing import Annotated, Any

import httpx
import typer

from tocsin.cli.book import Book, Language, language_of
from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend, Misused
from tocsin.cli.story_zh import Story

Json = dict[str, Any]
_INCIDENT = re.compile(r"^(\d{6}-\d{8}-\d{6,})(?:-(T|M)(\d+))?$")
_MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.")
_QUIET = (
    "started_at",
    "warn_at",
    "red_at",
    "event_id",
    "task_id",
    "agency",
    "agency_class",
    "clock_id",
    "call",
    "understanding",
    "incident_ids",
    "place",
)


Lang = Annotated[
    str, typer.Option("--lang", envvar="TOCSIN_LANG", help="zh or en; by the terminal's locale where absent.")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def explain(
        ident: Annotated[str, typer.Argument(metavar="ID", help="A call's, incident's, task's or mission's id.")],
        lang: Lang = "",
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Tells the story of a call, incident, task or mission: rules, places, links, tasks, clocks, deliveries.

        With --json `story` stays English: programs read it.
        """
        language = language_asked(lang)
        deployment = Deployment.find(data_dir)
        told = story(deployment, ident)
        if as_json:
            print(json.dumps(told, ensure_ascii=False))
        else:
            print("\n".join(in_chinese(deployment, told) if language == "zh" else told["story"]))


def language_asked(lang: str) -> Language:
    """The language of the text; Mend where --lang names none of ours."""
    if lang and lang[:2].lower() not in ("zh", "en"):
        raise Misused(f"--lang {lang} is not spoken here", "Use zh or en (用 zh 或 en).")
    return language_of(lang)


def in_chinese(deployment: Deployment, told: Json) -> list[str]:
    """The same story in the console's words."""
    with deployment.client("notifier") as http:
        tells = Story(Book(read(http, "/v1/catalogue", told["id"])))
    ident, incident = told["id"], told["incident"]
    also = [f"  同一来电的另一事项：{n}" for n in told["others"]]
    lines = [*tells.head(incident), *tells.links(incident), *also, ""]
    lines += [tells.line(e) for e in told["events"] if _concerns(e, ident)]
    sent = [d for d in told["deliveries"] if ident in (incident["incident_id"], d["task_id"])]
    lines += ["", *[tells.delivered(d) for d in sent]] if sent else []
    return lines + (["", *tells.mission(told["mission"])] if told["mission"] is not None else [])


def story(deployment: Deployment, ident: str) -> Json:
    """The incident behind an id, its events and deliveries, and the same as lines of text under `story`."""
    with deployment.client("notifier") as http:
        incident_id, *others = incidents_of(http, ident)
        incident = read(http, f"/v1/incidents/{incident_id}", ident)
        events = read(http, f"/v1/incidents/{incident_id}/events", ident)["items"]
        deliveries = read(http, f"/v1/incidents/{incident_id}/deliveries", ident)["items"]
    mission = _mission(deployment, ident)
    also = [f"  another matter of this call: {n}" for n in others]
    lines = [*_head(incident), *_links(incident), *also, "", *[_line(e) for e in events if _concerns(e, ident)]]
    lines += ["", *[_delivered(d) for d in deliveries if ident in (incident_id, d["task_id"])]] if deliveries else []
    if mission is not None:
        lines += ["", *_mission_lines(mission)]
    return {
        "id": ident,
        "incident": incident,
        "others": others,
        "events": events,
        "deliveries": deliveries,
        "mission": mission,
        "story": lines,
    }


def incidents_of(http: httpx.Client, ident: str) -> list[str]:
    """The incident that an id belongs to, several of a call with several matters, the gravest first; Mend for none."""
    found = _INCIDENT.match(ident)
    if found:
        return [found[1]]
    linked = read(http, f"/v1/calls/{ident}/incidents", ident)
    return [*linked["linked"]] or [*linked["incident_ids"]][-1:]


def read(http: httpx.Client, path: str, ident: str) -> Json:
    """One answer of the notifier; Mend where it has none."""
    try:
        answer = http.get(path)
    except httpx.HTTPError as e:
        raise Mend(f"the notifier does not answer ({e!r})", "Look at `tocsin status`.") from e
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise Mend(
            f"there is no call, incident, task or mission {ident!r}",
            "Look for it in the console's list, or with `tocsin tail tocsin.incident.events.v1`.",
        )
    if answer.is_error:
        raise Mend(
            f"the notifier refused ({answer.text[:200]})", "Look at `tocsin status`, then at the notifier's log."
        )
    held: Json = answer.json()
    return held


def _mission(deployment: Deployment, ident: str) -> Json | None:
    found = _INCIDENT.match(ident)
    if not found or found[2] != "M":
        return None
    with deployment.client("ems120", "ems_dispatcher") as http:
        return read(http, f"/v1/missions/{ident}", ident)


def _head(i: Json) -> list[str]:
    place = i["location"]
    point = place.get("point") or {}
    flags = [f for f in (*i["flags"], *(f"review: {r}" for r in i["review"]), "EXERCISE" if i["exercise"] else "") if f]
    spot = f"{point['lat']:.5f} {point['lon']:.5f}" if point else ""
    named = place["address"] or place["label"]
    where = f"{named or spot or 'place unknown'} (by {place['source'] or 'nothing'}"
    where += f", {spot}" if named and spot else ""
    return [
        f"{i['incident_id']}  {i['kind']['label']} ({i['kind']['code']})  priority {i['priority']}  {i['state']}",
        f"  at {where}), first receiver {i['first_receiver'] or '-'}, policy {i['policy'][:19]}",
        *([f"  {', '.join(flags)}"] if flags else []),
        *[f"  {t['task_id'].rsplit('-', 1)[1]} {t['agency']} ({t['role']}): {t['state']}" for t in i["tasks"]],
    ]


def _links(i: Json) -> list[str]:
    lines = []
    for c in i["calls"]:
        link = c["link"] or {"score": 0, "decided_by": "-", "reasons": {}}
        how = f"{link['decided_by']}, score {link['score']:.2f}{_parts(link['reasons'])}"
        lines.append(f"  call {c['call_id']} on {c['line']}: {how}")
    lines += [f"  perhaps call {s['call_id']}: score {s['score']:.2f}{_parts(s['reasons'])}" for s in i["suggestions"]]
    return lines


def _parts(reasons: dict[str, float]) -> str:
    return f" ({', '.join(f'{k} {v:.2f}' for k, v in reasons.items())})" if reasons else ""


def _concerns(event: Json, ident: str) -> bool:
    found = _INCIDENT.match(ident)
    task = event["data"].get("task_id")
    return not (found and found[2] == "T" and task and task != ident)


def _line(event: Json) -> str:
    data = event["data"]
    who = event["actor"]["agency"] or event["actor"]["role"]
    day = event["recorded_at"][:10]
    parts = [f"{k}={_short(v, day)}" for k, v in data.items() if k not in _QUIET and v not in ("", None, False, [], {})]
    if event["type"] == "CallRecorded":
        parts = _understood(data)
    about = " ".join(x for x in (data.get("task_id", "").rsplit("-", 1)[-1], data.get("agency", "")) if x)
    at, version = event["recorded_at"][11:23], f"v{event['version']}"
    return f"{day} {at}  {version:<4} {event['type']:<20} {about} {' '.join(parts)}  [{who}]"


def _understood(data: Json) -> list[str]:
    u, call = data["understanding"], data["call"]
    place = call["place"]
    said = (
        f"{call['line']}/{call['channel']}: {_short(call.get('text', ''))}"
        if call.get("text")
        else f"{call['line']}/{call['channel']}"
    )
    return [
        said, f"→ {u['kind']} p{u['priority']} by {u['decided_by']} {u['confidence']:.2f}",
        *([f"model={u['model']}"] if u.get("model") else []),
        f"terms={','.join(u['terms']) or '-'}", *([f"negated={','.join(u['negated'])}"] if u["negated"] else []),
        *([f"raises={','.join(u['raises'])}"] if u["raises"] else []), *(["ESCALATED"] if u["escalated"] else []),
        *([f"complains of {','.join(u['against'])}"] if u["against"] else []),
        *([f"unsure: {','.join(u['reasons'])}"] if u["human"] else []),
        f"place by {place['source']} {place['entry'] or place['label']}",
        *[f"known as {x['id']} at {x['system']}" for x in call.get("external_ids") or []],
    ]  # fmt: skip


def _short(value: Any, day: str = "") -> str:
    """A value on one line; a moment with its day, where that is not the event's own."""
    if isinstance(value, str) and _MOMENT.match(value):
        return value[11:19] if value[:10] == day else f"{value[:10]} {value[11:19]}"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a terminal's width


def _delivered(d: Json) -> str:
    mark = " REPEATED" if d.get("repeat") or d["times"] > 1 else ""
    how = (
        f"{d['action']} over {d['channel']}, {d['receivers']} open screens"
        if d["type"] == "DeliverySent"
        else f"seen by {d['by']}"
    )
    task, at = d["task_id"].rsplit("-", 1)[-1], f"{d['at'][:10]} {d['at'][11:23]}"
    return f"{at}  {d['type']:<20} {task} {d['agency']}: {how}{mark}"


def _mission_lines(m: Json) -> list[str]:
    unit, hospital = m.get("unit_id") or "-", m.get("hospital_id") or "-"
    lines = [f"mission {m['mission_id']}: {m['state']}, unit {unit}, hospital {hospital}"]
    for c in m.get("candidates") or []:
        why = f"not: {c['excluded_because']}" if c.get("excluded_because") else "suitable"
        lines.append(f"  {c['unit_id']}: {c.get('eta_s')} s, {why}")
    lines += [f"  {name}: {at}" for name, at in (m.get("times") or {}).items() if at]
    return lines
