"""Made-up values of any domain class, every field filled, the same each time."""

import typing
from typing import Any

from msgspec import Struct

from tocsin.codec.reflect import Field, shape
from tocsin.envelope import Actor, Command, Event, Source


def sample(cls: type[Struct], salt: int = 1) -> Any:
    """An instance with every field set to something other than its default, as far as its type allows."""
    hints = typing.get_type_hints(cls)
    return cls(**{f.name: _value(f, hints[f.name], salt + i) for i, f in enumerate(shape(cls))})


def _value(f: Field, hint: Any, salt: int) -> Any:
    if f.kind == "struct":
        return sample(f.of, salt)
    if f.kind == "structs":
        return [sample(f.of, salt), sample(f.of, salt + 1)]
    literal = _first_literal(hint)
    one = literal if literal is not None else _scalar(f.of, f.name, salt)
    if f.kind == "list":
        return [one]
    return {"甲": _scalar(f.of, f.name, salt), "乙": _scalar(f.of, f.name, salt + 1)} if f.kind == "map" else one


def _first_literal(hint: Any) -> Any:
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)[-1]
    return next((found for a in typing.get_args(hint) if (found := _first_literal(a)) is not None), None)


def _scalar(of: type, name: str, salt: int) -> Any:
    values: dict[type, Any] = {
        str: f"{name}-{salt}-样",
        int: 1_775_000_000_000 + salt,
        float: salt + 0.25,
        bool: True,
        bytes: bytes(range(salt % 200, salt % 200 + 8)),
    }
    return values[of]


def event_of(cls: type[Struct]) -> Event[Any]:
    """An event with this content."""
    return Event(
        event_id="0f" * 16, region="430921", subject="430921-20260405-000017", seq=7, version=3,
        occurred_at=1_775_000_000_000, recorded_at=1_775_000_000_500, command_id="call:示例-1", index=1, count=4,
        source=Source(topic="tocsin.commands.urgent.v1", partition=5, offset=42), data=sample(cls),
        actor=Actor(subject="王某", role="dispatcher", agency="nanxian-fire"), policy="sha256:00", lane="routine",
        exercise=True, trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", prev_hash=bytes(range(32)),
    )  # fmt: skip


def command_of(cls: type[Struct]) -> Command[Any]:
    """A command with this content."""
    return Command(
        command_id="act-1", region="430921", data=sample(cls), target="430921-20260405-000017-T1",
        actor=Actor(subject="李某", role="crew", unit="nanxian-amb-01"), issued_at=1_775_000_000_000,
        expected_version=7,
        lane="routine", exercise=True, trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )  # fmt: skip
