"""`tocsin tail TOPIC`: decoded records, one JSON object a line."""

import asyncio
import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend, Misused

Json = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def tail(
        topic: Annotated[str, typer.Argument(help="A topic's name, or the part of it that says which.")],
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
        most: Annotated[int | None, typer.Option("--max", min=1, help="End after so many records.")] = None,
        follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for what is to come.")] = True,
    ) -> None:
        """Prints a topic's records from the first one, decoded, one JSON object a line."""
        del as_json  # one JSON object a line is what it prints anyway
        name = _named(topic)
        deployment = Deployment.find(data_dir)
        try:
            asyncio.run(_tail(deployment, name, most, follow=follow))
        except KeyboardInterrupt:
            raise typer.Exit from None


def _named(text: str) -> str:
    from tocsin.log.topics import TOPICS

    names = [t.name for t in TOPICS]
    wanted = text.replace("_", ".").replace("-", ".")
    found = [n for n in names if n in (text, f"tocsin.{wanted}.v1")] or [n for n in names if wanted in n]
    if len(found) != 1:
        what = "fits several topics" if found else "is no topic"
        raise Misused(f"{text} {what}", f"Name one of: {', '.join(n.removeprefix('tocsin.') for n in found or names)}.")
    return found[0]


def shown(topic: str) -> Callable[[bytes], Json]:
    """How a topic's values are decoded."""
    from tocsin.codec.text import command_json, event_json, plain
    from tocsin.codec.wire import UnreadableRecord, decode_command, decode_event, decode_value
    from tocsin.incident.view import Dispatch
    from tocsin.log.topics import EMS_POSITIONS
    from tocsin.mission.values import Position

    def raw(value: bytes) -> Json:
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {"value": value.decode("utf-8", "backslashreplace")}

    def one(value: bytes) -> Json:
        try:
            if ".commands." in topic:
                return command_json(decode_command(value))
            if ".dispatch." in topic:
                return dict(plain(decode_value(Dispatch, value)))
            if topic == EMS_POSITIONS.name:
                return dict(plain(decode_value(Position, value)))
            if any(x in topic for x in (".events.", ".facts.", ".deliveries.")):
                return event_json(decode_event(value))
        except UnreadableRecord as e:
            return {"unreadable": str(e), "value": value[:200].decode("utf-8", "backslashreplace")}
        return raw(value)

    return one


async def _tail(deployment: Deployment, topic: str, most: int | None, *, follow: bool) -> None:
    from tocsin.codec.text import rfc3339
    from tocsin.log.kafka import KafkaFollower
    from tocsin.log.port import LogUnavailable

    follower, decode, count = KafkaFollower(deployment.settings(), [topic]), shown(topic), 0
    try:
        await follower.start({})
        ends = await follower.ends()
        async for batch in follower.batches(idle_ms=100):
            for r in batch:
                headers = {k: v.decode("utf-8", "backslashreplace") for k, v in r.headers}
                told = {
                    "topic": r.topic, "partition": r.partition, "offset": r.offset, "timestamp": rfc3339(r.timestamp),
                    "key": r.key.decode("utf-8", "backslashreplace") if r.key is not None else None,
                    "headers": headers, **decode(r.value or b""),
                }  # fmt: skip
                print(json.dumps(told, ensure_ascii=False), flush=True)
                count += 1
                if count == most:
                    return
            if not follow and all(follower.positions().get(place, 0) >= end for place, end in ends.items()):
                return
    except LogUnavailable as e:
        raise Mend(f"The log cannot be read ({e})", "See `tocsin doctor`.") from e
    finally:
        await follower.stop()
