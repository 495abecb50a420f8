"""The story that `explain` tells, in Chinese: each event in the words it has on the console."""

import re
from typing import Any

from tocsin.cli.book import Book

Json = dict[str, Any]
_INCIDENT = re.compile(r"^\d{6}-\d{8}-\d{6,}")
_SETS = {"disposition": "disp", "stage": "stage", "code": "ret", "clock": "clock", "cause": "cause"}
_BY_TYPE = {
    "CallerInformed": ("result", "told"), "CallBackRecorded": ("result", "back"), "CallClosed": ("reason", "callend"),
}  # fmt: skip
_SOURCES = {"point": "坐标", "gazetteer": "地名库", "seat": "受理席位", "person": "人工", "none": "无"}
_DECIDERS = {"lexicon": "词库", "model": "文本模型", "line": "线路", "person": "人工", "rule": "规则", "none": "无"}
_STATES = {"open": "处置中", "closed": "已结束", "merged": "已并入"}
_MISSION = {
    "waiting": "待派车", "assigned": "已派车", "acknowledged": "已接令", "departed": "已出车", "on_scene": "已到场",
    "with_patient": "接触患者", "transporting": "送院途中", "at_hospital": "已到院", "ended": "已结束",
    "arrived": "到场", "patient_contact": "接触患者", "left": "离场", "handed_over": "交接",
}  # fmt: skip
_PASSED = {
    "not_acknowledged": "未接令", "busy": "已有任务", "refused": "拒接", "withdrawn": "已撤回", "farther": "较远",
    "diverted": "停止接收", "chosen_by_person": "人工另选", "off_duty": "未当班", "out_of_service": "停用",
}  # fmt: skip
_ACTIONS = {"route": "派单", "update": "更新", "withdraw": "撤回"}


class Story:
    """Lines of text of a case; `book` has the words."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def head(self, i: Json) -> list[str]:
        """What it is, where, whose, and by which policy."""
        b, place = self._book, i["location"]
        point = place.get("point") or {}
        spot = f"{point['lat']:.5f} {point['lon']:.5f}" if point else ""
        named = place["address"] or place["label"]
        where = f"{named or spot or '地点不明'}（依据：{_SOURCES.get(place['source'], place['source'])}"
        where += f"，{spot}）" if named and spot else "）"
        marks = [b.label("flag", f) for f in i["flags"]]
        marks += [f"需人工核查：{b.label('review', r)}" for r in i["review"]]
        marks += ["演练"] if i["exercise"] else []
        kind, first = i["kind"], b.agency(i["first_receiver"]) if i["first_receiver"] else "-"
        return [
            f"{i['incident_id']}  {kind['label']}（{kind['code']}）  {i['priority']}级  {_STATES[i['state']]}",
            f"  地点：{where}，首接：{first}，规则 {i['policy'][:19]}",
            *([f"  {'；'.join(marks)}"] if marks else []),
            *[self._task(t) for t in i["tasks"]],
        ]

    def _task(self, t: Json) -> str:
        b, number = self._book, t["task_id"].rsplit("-", 1)[1]
        return f"  {number} {b.agency(t['agency'])}（{b.t(t['role'])}）：{b.label('state', t['state'])}"

    def links(self, i: Json) -> list[str]:
        """How each call came to it, and which perhaps belong to it."""
        lines = []
        for c in i["calls"]:
            link = c["link"] or {"score": 0, "decided_by": "none", "reasons": {}}
            by = f"{_DECIDERS.get(link['decided_by'], link['decided_by'])}，关联度 {link['score']:.2f}"
            lines.append(f"  来电 {c['call_id']}（{c['line']}）：{by}{self._parts(link['reasons'])}")
        perhaps = [(s["call_id"], f"{s['score']:.2f}{self._parts(s['reasons'])}") for s in i["suggestions"]]
        return lines + [f"  来电 {call} 可能是同一起：关联度 {how}" for call, how in perhaps]

    def _parts(self, reasons: dict[str, float]) -> str:
        shown = "，".join(f"{self._book.label('part', k)} {v:.2f}" for k, v in reasons.items())
        return f"（{shown}）" if shown else ""

    def line(self, event: Json) -> str:
        """One event: when, its version, what happened, who did it."""
        at, data = event["recorded_at"], event["data"]
        said = self._understood(data) if event["type"] == "CallRecorded" else self.words(event)
        who = event["actor"]
        by = self._book.agency(who["agency"]) if who["agency"] else self._book.label("role", who["role"])
        task = data.get("task_id", "").rsplit("-", 1)[-1]
        about = f"{task} " if task else ""
        return f"{at[:10]} {at[11:23]}  v{event['version']:<4}{about}{said}  [{by}]"

    def words(self, event: Json) -> str:
        """As the console has it; its name where the book has no words for it."""
        b, d, kind = self._book, event["data"], event["type"]
        key = f"ev.{_key(event)}"
        if not b.has(key):
            return str(kind)
        text = b.t(key, self._values(event))
        said = [d.get("text"), d.get("result") if kind in ("TaskCompleted", "OutcomeReturned") else ""]
        said += [] if kind == "CallClosed" else [d.get("reason")]
        return " · ".join([text, *(str(s) for s in said if s)])

    def _values(self, event: Json) -> Json:
        b, d = self._book, event["data"]
        values = dict(d)
        for name in ("agency", "to", "by", "first", "other"):
            if isinstance(d.get(name), str) and not _INCIDENT.match(d[name]):
                values[name] = b.agency(d[name])
        values |= {name: b.label(within, d[name]) for name, within in _SETS.items() if d.get(name)}
        if event["type"] in _BY_TYPE:
            name, within = _BY_TYPE[event["type"]]
            values[name] = b.label(within, d.get(name))
        if event["type"] == "CommandRefused":
            act = re.sub(r"(?<!^)([A-Z])", lambda m: f"_{m[1]}", str(d.get("command", ""))).lower()
            values |= {"command": b.label("act", act), "code": b.label("error", d.get("code"))}
        if event["type"] == "CallLinked":
            values["by"] = b.t("by_rule" if d.get("decided_by") == "rule" else "by_person")
        if isinstance(d.get("score"), float):
            values["score"] = f"{d['score']:.2f}"
        satisfied = {True: "and_satisfied", False: "and_unsatisfied"}.get(d.get("satisfied"))
        values["satisfied"] = b.t(satisfied) if satisfied else ""
        values["whose"] = f"{b.agency(d['agency'])} " if d.get("agency") else ""
        values |= self._codes(event)
        return values

    def _codes(self, event: Json) -> Json:
        b, d = self._book, event["data"]
        found: Json = {}
        if d.get("due_at"):
            day = event["recorded_at"][:10]
            found["due"] = d["due_at"][11:19] if d["due_at"][:10] == day else f"{d['due_at'][:10]} {d['due_at'][11:19]}"
        if d.get("kind"):
            found["kind"] = b.kind(d["kind"])
        if d.get("role"):
            found["role"] = b.t(d["role"])
        if isinstance(d.get("place"), dict):
            found["place"] = d.get("address") or d["place"].get("label") or "地点不明"
        if isinstance(d.get("reasons"), list):
            found["reasons"] = "、".join(b.label("review", r) for r in d["reasons"])
        found |= {n: "、".join(map(str, d[n])) for n in ("missing", "unit_ids") if isinstance(d.get(n), list)}
        if event["type"] == "VictimsReported":
            told = [b.t("victims", {"n": d["victims"]})] if d.get("victims") else []
            found["what"] = "，".join([*told, *(b.label("hazard", h) for h in d.get("hazards") or [])])
        return found

    def _understood(self, data: Json) -> str:
        u, call, b = data["understanding"], data["call"], self._book
        place = call["place"]
        decider = _DECIDERS.get(u["decided_by"], u["decided_by"])
        model = f" {u['model']}" if u.get("model") else ""
        why = [
            f"词：{'、'.join(u['terms']) or '-'}", *([f"否定：{'、'.join(u['negated'])}"] if u["negated"] else []),
            *([f"加重：{'、'.join(u['raises'])}"] if u["raises"] else []), *(["升级为紧急"] if u["escalated"] else []),
            *([f"投诉对象：{'、'.join(map(b.agency, u['against']))}"] if u["against"] else []),
            *([f"存疑：{'、'.join(b.label('review', r) for r in u['reasons'])}"] if u["human"] else []),
            f"地点依据{_SOURCES.get(place['source'], place['source'])} {place['entry'] or place['label']}".rstrip(),
            *[f"在 {x['system']} 编号 {x['id']}" for x in call.get("external_ids") or []],
        ]  # fmt: skip
        text = f"：{call['text']}" if call.get("text") else ""
        judged = f"→ {b.kind(u['kind'])}（{u['kind']}）{u['priority']}级，依据{decider}{model} {u['confidence']:.2f}"
        return f"{b.t('ev.CallRecorded', {'line': call['line']})}{text} {judged}（{'；'.join(why)}）"

    def delivered(self, d: Json) -> str:
        """One delivery: sent to how many screens, or seen by whom."""
        again = "（重复）" if d.get("repeat") or d["times"] > 1 else ""
        if d["type"] == "DeliverySent":
            action = _ACTIONS.get(d["action"], d["action"])
            how = f"{action}，经 {d['channel']} 送达 {d['receivers']} 个在线终端"
        else:
            how = f"{d['by']} 已看到"
        task, at = d["task_id"].rsplit("-", 1)[-1], f"{d['at'][:10]} {d['at'][11:23]}"
        return f"{at}  {task} {self._book.agency(d['agency'])}：{how}{again}"

    def mission(self, m: Json) -> list[str]:
        """An ambulance's mission: state, candidates with why not, times."""
        unit, hospital = m.get("unit_id") or "-", m.get("hospital_id") or "-"
        lines = [f"急救任务 {m['mission_id']}：{_MISSION.get(m['state'], m['state'])}，车组 {unit}，医院 {hospital}"]
        for c in m.get("candidates") or []:
            passed = c.get("excluded_because")
            why = f"未选：{_PASSED.get(passed, passed)}" if passed else "合适"
            lines.append(f"  {c['unit_id']}：{c.get('eta_s')} 秒，{why}")
        return lines + [f"  {_MISSION.get(n, n)}：{at}" for n, at in (m.get("times") or {}).items() if at]


def _key(event: Json) -> str:
    """Events whose words hang on what they say, not on their type alone (the console's `keyFor`)."""
    kind, d = str(event["type"]), event["data"]
    if kind == "ClockMet" and d.get("late"):
        return "ClockMetLate"
    if kind == "FollowedUp":
        return "FollowedUpSolved" if d.get("solved") else "FollowedUpOpen"
    if kind == "IncidentReopened" and d.get("cause"):
        return "IncidentReopenedBy"
    if kind == "TaskReturned" and d.get("to"):
        return "TaskReturnedTo"
    return "VictimsReportedAs" if kind == "VictimsReported" else kind
