"""What a played day came to, held against the generator's truth."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from tocsin.day.door import Door
from tocsin.day.ring import Ring
from tocsin.policy.model import Policy


class LinkScore(Struct, frozen=True):
    """Pairs of calls put together against the truth's; `wrong_merge_rate`: calls joined to a foreign incident."""

    n: int
    precision: float
    recall: float
    f1: float
    wrong_merge_rate: float


class DayReport(Struct, frozen=True):
    """The day in figures; `unaccounted` calls are in no incident, or in one neither closed, worked on nor in review."""

    calls: int
    in_incident: int
    unaccounted: list[str]
    closed: int
    in_review: int
    open: int
    classes_right: float
    wrong_classes: list[str]
    links: LinkScore


def link_score(found: Mapping[str, str], truth: Mapping[str, str]) -> LinkScore:
    """Pairwise precision, recall and F1 of a partition of calls against the true one; n is the number of calls.

    A call counts as wrongly merged when it shares its incident with another matter's call and its own matter is not
    the most frequent one there.
    """
    together: dict[str, list[str]] = defaultdict(list)
    for call, incident in found.items():
        together[incident].append(call)
    tp = fp = wrong = 0
    for calls in together.values():
        counts: dict[str, int] = defaultdict(int)
        for c in calls:
            counts[truth[c]] += 1
        right = sum(n * (n - 1) // 2 for n in counts.values())
        tp += right
        fp += len(calls) * (len(calls) - 1) // 2 - right
        wrong += len(calls) - max(counts.values())
    sizes: dict[str, int] = defaultdict(int)
    for c in found:
        sizes[truth[c]] += 1
    positives = sum(n * (n - 1) // 2 for n in sizes.values())
    precision = tp / (tp + fp) if tp + fp else 1.0
    recall = tp / positives if positives else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return LinkScore(len(found), precision, recall, f1, wrong / len(found) if found else 0.0)


def truth_classes(policy: Policy, kind: str) -> set[str]:
    """The agency classes a kind's plan calls."""
    row = policy.kinds.get(kind)
    return {policy.agencies[p.agency].agency_class for p in row.plan} if row else set()


async def day_report(door: Door, policy: Policy, rings: Sequence[Ring]) -> DayReport:
    """Asks the deployment about every call of the day."""
    commander = door.tokens["commander"]
    homes: dict[str, str] = {}
    states: dict[str, str] = {}
    unaccounted, wrong = [], []
    for ring in rings:
        call = await door.get("intake", f"/v1/calls/{ring.call_id}?wait=5", door.desk(ring.line))
        ids = call["incident_ids"] if call else []
        if not ids:
            unaccounted.append(ring.call_id)
            continue
        incident = await _followed(door, ids[0], commander)
        homes[ring.call_id] = incident["incident_id"]
        states[incident["incident_id"]] = "review" if incident["review"] else incident["state"]
        called = {t["agency_class"] for i in ids for t in (await _followed(door, i, commander))["tasks"]}
        if not truth_classes(policy, ring.truth_kind) <= called:
            wrong.append(f"{ring.call_id} {ring.truth_kind} as {incident['kind']['code']}: {ring.text[:40]}")
    score = link_score(homes, {r.call_id: r.truth_incident for r in rings})
    count = _counted(states.values())
    right = 1 - len(wrong) / len(rings) if rings else 1.0
    return DayReport(
        len(rings), len(homes), unaccounted, count["closed"], count["review"], count["open"], right, wrong, score
    )


async def _followed(door: Door, incident_id: str, token: str) -> dict[str, Any]:
    """The incident, or the one it was merged into."""
    for _ in itertools.repeat(None, 8):
        incident: dict[str, Any] = await door.get("notifier", f"/v1/incidents/{incident_id}", token)
        if incident["state"] != "merged":
            return incident
        incident_id = incident["merged_into"]
    raise ValueError(f"{incident_id}: merged in a circle")


def _counted(states: Iterable[str]) -> dict[str, int]:
    count = {"closed": 0, "review": 0, "open": 0}
    for s in states:
        count[s] += 1
    return count
