"""Makes a labelled set for `tocsin evaluate-links` from a public 911 log's real geometry and times.

python scripts/real_links.py CALLS.csv OUT.ndjson [--within-m 300] [--within-min 10] [--words plain|service|titles]
                             [--no-address] [--sensitivity]

CALLS.csv has the columns lat, lng, desc, title, timeStamp, addr (Montgomery County's public log). The calls' times are
those in `desc`; timeStamp is when a row was loaded, minutes later. The points are moved to the sample county with their
metres kept; the words are ours, one plain sentence a title, or the log's own titles with --words titles.

Truth, by a stated rule and not by anybody's knowledge: two calls are of one matter where they lie within 300 m and ten
minutes of each other and are compatible, and so are calls joined through others. The reasons: at one spot, calls of
crashes from other services come within ten minutes and are as rare after a quarter of an hour as on any other day;
within five minutes, other services' calls of crashes up to 300 m away are some fifty times as frequent as at other
times, so they are the same crash, told from either end of it. Compatible is the same title whatever the service; titles
of one group (burning and leaking things; crashes and burning vehicles; what blocks a road); a crash with a rescue; and
a patient with a crash, a fire or a rescue that another service was told of. Two titles of illness are two patients.
Hours later at the same address is another matter.

--sensitivity prints what linking agrees on under narrower and wider windows, instead of writing.
"""

import argparse
import csv
import datetime as dt
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tocsin.cli.commands.evaluate_links import linked
from tocsin.day.report import link_score
from tocsin.policy.load import load_policy
from tocsin.runtime.settings import Settings

HOME = (112.40, 29.36)
THERE = (-75.35, 40.20)
METRES_PER_DEGREE = 111_320.0
LINES = {"EMS": "120", "Fire": "119", "Traffic": "122"}
SQUEEZE = math.cos(math.radians(THERE[1])) / math.cos(math.radians(HOME[1]))
CALLED = re.compile(r"\d{4}-\d\d-\d\d @ \d\d:\d\d:\d\d")
WINDOWS = ((300, 10), (50, 10), (100, 10), (200, 10), (300, 5), (300, 15), (100, 15))
CRASH = {"EMS": "出车祸了，有人受伤", "Fire": "出车祸了，要救援", "Traffic": "车祸，车撞在一起"}
WORDS = {
    "VEHICLE ACCIDENT": "出车祸了",
    "DISABLED VEHICLE": "有车坏在路上挡着道",
    "FIRE ALARM": "楼里火警报警器响了",
    "RESPIRATORY EMERGENCY": "病人喘不上气",
    "CARDIAC EMERGENCY": "病人胸口疼",
    "FALL VICTIM": "有人摔倒了起不来",
    "ROAD OBSTRUCTION": "路上有东西挡着，车过不去",
    "HEAD INJURY": "有人头磕破了",
    "SUBJECT IN PAIN": "病人身上疼得厉害",
    "SYNCOPAL EPISODE": "有人晕过去了",
    "UNKNOWN MEDICAL EMERGENCY": "有人不舒服，要救护车",
    "SEIZURES": "病人在抽搐",
    "ABDOMINAL PAINS": "病人肚子疼",
    "GENERAL WEAKNESS": "病人全身没力气",
    "ALTERED MENTAL STATUS": "病人神志不清",
    "FIRE INVESTIGATION": "有股烧焦的味道，请来看看",
    "HEMORRHAGING": "病人流血止不住",
    "OVERDOSE": "有人吃药过量了",
    "UNCONSCIOUS SUBJECT": "有人昏迷不醒",
    "GAS-ODOR/LEAK": "屋里煤气味很重",
    "UNRESPONSIVE SUBJECT": "有人怎么叫都没反应",
    "CVA/STROKE": "像是中风了",
    "MEDICAL ALERT ALARM": "老人的呼叫器响了",
    "DIABETIC EMERGENCY": "糖尿病人血糖低",
    "NAUSEA/VOMITING": "病人一直呕吐",
    "DIZZINESS": "病人头晕得站不住",
    "BUILDING FIRE": "房子着火了",
    "BACK PAINS/INJURY": "病人腰疼动不了",
    "ASSAULT VICTIM": "有人被打伤",
    "CARBON MONOXIDE DETECTOR": "一氧化碳报警器响了",
    "HAZARDOUS ROAD CONDITIONS": "路面很滑很危险",
    "FRACTURE": "有人骨折",
    "VEHICLE FIRE": "一辆车着火了",
    "FIRE SPECIAL SERVICE": "请消防来帮个忙",
    "ALLERGIC REACTION": "病人过敏",
    "FEVER": "病人发高烧",
    "LACERATIONS": "有人割伤流血",
    "UNKNOWN TYPE FIRE": "有地方着火了",
    "ELECTRICAL FIRE OUTSIDE": "外面电线起火",
    "CHOKING": "有人噎住了",
    "APPLIANCE FIRE": "家里电器着火",
    "RESCUE - ELEVATOR": "电梯困人",
    "MATERNITY": "孕妇要生了",
    "TRASH/DUMPSTER FIRE": "垃圾箱着火了",
    "EMS SPECIAL SERVICE": "请救护车来帮个忙",
    "WOODS/FIELD FIRE": "树林着火了",
    "VEHICLE LEAKING FUEL": "车在漏油",
    "BURN VICTIM": "有人烧伤",
    "DEHYDRATION": "病人脱水",
    "STABBING": "有人被捅伤",
    "DEBRIS/FLUIDS ON HIGHWAY": "公路上有散落的东西",
    "POISONING": "有人中毒",
    "RESCUE - GENERAL": "有人被困要救援",
    "RESCUE - TECHNICAL": "有人被困要救援",
    "SHOOTING": "有人中枪",
    "ANIMAL BITE": "有人被狗咬伤",
    "EYE INJURY": "有人眼睛受伤",
    "ELECTROCUTION": "有人触电",
    "AMPUTATION": "有人手指断了",
    "HAZARDOUS MATERIALS INCIDENT": "有化学品泄漏",
    "PUMP DETAIL": "要抽水",
    "S/B AT HELICOPTER LANDING": "直升机要降落，请消防守着",
    "FIRE POLICE NEEDED": "请来人维持秩序",
    "WARRANT SERVICE": "请协助执行",
    "TRANSFERRED CALL": "别处转来的报警",
}


class Row(NamedTuple):
    """A call of the log: its number there, when it was made, service and title, where, and its address."""

    n: int
    at: dt.datetime
    service: str
    title: str
    lon: float
    lat: float
    address: str


def rows(file: Path) -> list[Row]:
    """The log in the order of its calls."""
    found = []
    with file.open(encoding="utf-8", newline="") as f:
        for n, raw in enumerate(csv.DictReader(f)):
            called = CALLED.search(raw["desc"])
            at = dt.datetime.fromisoformat(called[0].replace(" @ ", "T") if called else raw["timeStamp"])
            service, _, title = raw["title"].partition(": ")
            lon = HOME[0] + (float(raw["lng"]) - THERE[0]) * SQUEEZE
            lat = HOME[1] + float(raw["lat"]) - THERE[1]
            found.append(Row(n, at.replace(tzinfo=dt.UTC), service, title.strip(" -"), lon, lat, raw["addr"]))
    return sorted(found, key=lambda r: (r.at, r.n))


def metres(a: Row, b: Row) -> float:
    """The distance of two calls, near HOME."""
    return METRES_PER_DEGREE * math.hypot((a.lon - b.lon) * math.cos(math.radians(HOME[1])), a.lat - b.lat)


def group(title: str) -> str:
    """What a title is about: burning, crash, road, rescue; an illness is a group of its own."""
    if title in ("VEHICLE ACCIDENT", "VEHICLE FIRE", "VEHICLE LEAKING FUEL"):
        return "crash"
    if title in ("GAS-ODOR/LEAK", "CARBON MONOXIDE DETECTOR", "HAZARDOUS MATERIALS INCIDENT") or (
        "FIRE" in title and title != "FIRE POLICE NEEDED"
    ):
        return "burning"
    if title in ("DISABLED VEHICLE", "ROAD OBSTRUCTION", "DEBRIS/FLUIDS ON HIGHWAY", "HAZARDOUS ROAD CONDITIONS"):
        return "road"
    return "rescue" if title.startswith("RESCUE") else title


def compatible(a: Row, b: Row) -> bool:
    """Whether two calls at one place and minute are of one matter, as a dispatcher would say."""
    one, other = group(a.title), group(b.title)
    if one == other or {one, other} == {"crash", "rescue"}:
        return True
    matters = {one, other} & {"crash", "burning", "rescue"}
    return a.service != b.service and "EMS" in (a.service, b.service) and bool(matters)


def truth(calls: list[Row], within_m: float, within_min: float) -> dict[int, str]:
    """Each call's matter by the rule above."""
    parent = {c.n: c.n for c in calls}

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]
        return n

    recent: list[Row] = []
    for call in calls:
        recent = [r for r in recent if call.at - r.at <= dt.timedelta(minutes=within_min)]
        for r in recent:
            if metres(r, call) <= within_m and compatible(r, call):
                parent[root(call.n)] = root(r.n)
        recent.append(call)
    return {n: f"real-{root(n)}" for n in parent}


def words(call: Row, form: str) -> str:
    """What the caller says."""
    if form == "titles":
        return f"{call.service}: {call.title}"
    if form == "service" and call.title == "VEHICLE ACCIDENT":
        return CRASH.get(call.service, WORDS[call.title])
    return WORDS.get(call.title, call.title)


def posts(calls: list[Row], matters: dict[int, str], form: str, *, address: bool) -> Iterator[dict[str, Any]]:
    """The calls in the shape of POST /v1/calls with truth_incident."""
    for call in calls:
        point = {"lon": round(call.lon, 6), "lat": round(call.lat, 6), "crs": "WGS84"}
        yield {
            "call_id": f"real-{call.n}",
            "line": LINES.get(call.service, "110"),
            "channel": "relay",
            "region": "430921",
            "text": words(call, form),
            "location": {"point": point, "accuracy_m": 30} | ({"address": call.address} if address else {}),
            "received_at": call.at.isoformat(),
            "truth_incident": matters[call.n],
        }


def sensitivity(calls: list[Row], form: str, *, address: bool) -> Iterator[str]:
    """A line a window: what linking, which does not know it, agrees with."""
    unlabelled = posts(calls, {c.n: "" for c in calls}, form, address=address)
    found, _ = linked(
        load_policy(Settings().policy_path), (("", p) for p in unlabelled if p.pop("truth_incident") == "")
    )
    yield "within      precision  recall      F1  wrong merges"
    for far, minutes in WINDOWS:
        s = link_score(found, {f"real-{n}": m for n, m in truth(calls, far, minutes).items()})
        figures = f"{s.precision:9.4f} {s.recall:7.4f} {s.f1:7.4f} {100 * s.wrong_merge_rate:8.2f} %"
        yield f"{far:3} m {minutes:2} min {figures}"


def main() -> None:
    """Reads the one file, writes the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calls", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--within-m", type=float, default=300.0)
    parser.add_argument("--within-min", type=float, default=10.0)
    parser.add_argument("--words", choices=("plain", "service", "titles"), default="service")
    parser.add_argument("--no-address", action="store_true")
    parser.add_argument("--sensitivity", action="store_true")
    asked = parser.parse_args()
    calls = rows(asked.calls)
    if asked.sensitivity:
        for line in sensitivity(calls, asked.words, address=not asked.no_address):
            print(line)
    elif asked.out is None:
        sys.exit("Name the file to write.")
    else:
        made = posts(calls, truth(calls, asked.within_m, asked.within_min), asked.words, address=not asked.no_address)
        asked.out.write_text("".join(json.dumps(c, ensure_ascii=False) + "\n" for c in made), encoding="utf-8")


if __name__ == "__main__":
    main()
