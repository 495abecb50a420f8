"""Putting a policy in force: kept by its hash where the owners find it, then asked for in every region by a command."""

import os
import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from tocsin.codec.wire import encode_command
from tocsin.envelope import Actor, Command
from tocsin.incident.commands import ActivatePolicy
from tocsin.log.headers import command_headers
from tocsin.log.kafka import KafkaProducer
from tocsin.log.partition import partition_of
from tocsin.log.port import Append
from tocsin.log.topics import URGENT
from tocsin.policy.model import Policy
from tocsin.policy.source import FILES, policy_hash
from tocsin.runtime.clock import Clock
from tocsin.runtime.settings import Settings

ACTIVE = "active"
"""The file under `data_dir/policies` that names the policy put in force by a command."""


def keep_policy(directory: Path, policy: Policy, data_dir: Path) -> Path:
    """Copies the files of a loaded policy to `data_dir/policies/<hash>`, whole or not at all.

    OSError where that cannot be, or where the directory was changed since it was loaded.
    """
    place = data_dir / "policies" / policy.hash.removeprefix("sha256:")
    if place.is_dir() and policy_hash(place) == policy.hash:
        return place
    fresh = place.with_name(f"{place.name}.{os.getpid()}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in (n for n in FILES if (directory / n).is_file()):
        shutil.copyfile(directory / name, fresh / name)
    if policy_hash(fresh) != policy.hash:
        shutil.rmtree(fresh)
        raise OSError(f"{directory} was changed while it was read")
    shutil.rmtree(place, ignore_errors=True)  # torn, or changed by hand: not what its name says
    fresh.replace(place)
    return place


class Active(Struct, frozen=True):
    """What was put in force, and which policy stood in the settings then: a later change of the settings wins."""

    policy: str
    over: str


def mark_active(folder: Path, active: Active) -> None:
    """Writes the marker, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{ACTIVE}.{os.getpid()}.new"
    fresh.write_bytes(msgspec.json.encode(active))
    fresh.replace(folder / ACTIVE)


def marked_active(folder: Path) -> Active | None:
    """The marker; None where there is none or it cannot be read."""
    try:
        return msgspec.json.decode((folder / ACTIVE).read_bytes(), type=Active)
    except (OSError, msgspec.DecodeError):
        return None


def activations(policy: Policy, *, partitions: int, clock: Clock) -> list[tuple[str, Append]]:
    """The commands with their ids, one a region. Sent again, they are the same only within the same millisecond."""
    now = clock.now_ms()
    found = []
    for region in sorted(policy.regions):
        command = Command(
            command_id=f"policy:{region}:{policy.hash[7:23]}:{now}",
            region=region,
            data=ActivatePolicy(policy=policy.hash),
            actor=Actor(subject="admin", role="admin"),
            issued_at=now,
        )
        headers = command_headers(command, clock=clock)
        partition = partition_of(region, partitions)
        record = Append(URGENT.name, partition, region.encode(), encode_command(command), headers)
        found.append((command.command_id, record))
    return found


async def activate(policy: Policy, settings: Settings) -> list[str]:
    """Asks every region to go by this policy from now on; the commands' ids. LogUnavailable where none can be."""
    producer = KafkaProducer(settings)
    await producer.start()
    try:
        clock = Clock(settings.clock, settings.data_dir / "clock.json")
        asked = activations(policy, partitions=settings.partitions, clock=clock)
        await producer.append_all([a for _, a in asked])
    finally:
        await producer.stop()
    return [command_id for command_id, _ in asked]
