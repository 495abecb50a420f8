"""Calls as they stand on the command topics, made the way intake makes them."""

import asyncio
import itertools
import json
import time
from pathlib import Path

from msgspec import Struct

from tocsin.calls import parse_call, to_record
from tocsin.calls.record import subjects_of, usable_point
from tocsin.codec.text import rfc3339
from tocsin.codec.wire import encode_command
from tocsin.enrich import Enricher
from tocsin.envelope import Actor, Command, Lane
from tocsin.incident.commands import RecordCall
from tocsin.incident.values import CallRecord
from tocsin.load.mix import made_up
from tocsin.policy.model import Policy
from tocsin.runtime.settings import Settings
from tocsin.sealing import Keyring

_APART_MS = 20_000


class Made(Struct, frozen=True):
    """Commands with their wire form, the clear words of each, and what sealed them."""

    commands: list[Command[RecordCall]]
    values: list[bytes]
    texts: list[str]
    lines: list[str]


def made_calls(policy: Policy, keyring: Keyring, *, count: int, prefix: str, spread: bool = True) -> Made:
    """So many RecordCall commands of the sample county, urgent and routine mixed as the made-up calls are.

    With `spread`, they ring 20 s apart (by `received_at`, back from now) at places all over the county, so that most
    open incidents of their own, as on an ordinary day; without, they crowd as in a storm.
    """
    return asyncio.run(_made(policy, keyring, count, prefix, spread=spread))


async def _made(policy: Policy, keyring: Keyring, count: int, prefix: str, *, spread: bool) -> Made:
    enricher = Enricher(policy, tokens=keyring.token)
    now = time.time_ns() // 1_000_000
    places = [e for e in policy.gazetteer if e.region == policy.default_region]
    commands: list[Command[RecordCall]] = []
    texts: list[str] = []
    lines: list[str] = []
    for n, body in enumerate(itertools.islice(made_up(policy), count)):
        if spread:
            entry = places[n * 7919 % len(places)]
            body["location"] = {"point": {"lon": entry.point.lon, "lat": entry.point.lat, "crs": "WGS84"}}
            body["received_at"] = rfc3339(now - (count - n) * _APART_MS)
        call_id = f"{prefix}-{n:07d}"
        parsed = parse_call(json.dumps(body).encode())
        subjects = subjects_of(parsed.call, call_id, keyring)
        await keyring.ensure(subjects.all)
        text = parsed.call.text or ""
        place, flags = enricher.locate(usable_point(parsed.call), None, "", text, "", policy.default_region)
        record: CallRecord = to_record(
            parsed, call_id=call_id, subjects=subjects, place=place, seat_region=policy.default_region, flags=flags,
            danger=enricher.danger(text), now=now, keyring=keyring,
        )  # fmt: skip
        actor = Actor(subject="bench", role="commander")
        lane: Lane = "routine" if record.line == "12345" and not record.danger else "urgent"
        data = RecordCall(call=record)
        commands.append(
            Command(command_id=f"call:{call_id}", region=place.region, data=data, actor=actor, issued_at=now, lane=lane)
        )
        texts.append(text)
        lines.append(record.line)
    return Made(commands, [encode_command(c) for c in commands], texts, lines)


def keyring_in(folder: Path) -> Keyring:
    """A keyring of its own."""
    (folder / "secrets").mkdir(parents=True, exist_ok=True)
    return Keyring.open(Settings(data_dir=folder))
