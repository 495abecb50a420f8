"""Where an act goes: sealed, appended to its region's partition, answered from the log (any replica can)."""

import secrets
from typing import Any

import msgspec
import orjson
from starlette.responses import Response

from services.ems120.index import Index, Outcome
from services.ems120.positions import Positions
from tocsin.codec.text import event_json
from tocsin.codec.wire import encode_command
from tocsin.envelope import Actor, Command, Event
from tocsin.log.headers import command_headers
from tocsin.log.partition import partition_of
from tocsin.log.port import Append, LogUnavailable, Producer, RecordTooLarge
from tocsin.log.topics import EMS_COMMANDS
from tocsin.mission.events import MissionOpened
from tocsin.mission.evolve import version
from tocsin.mission.fleet import fleet_region
from tocsin.mission.refusals import CODES
from tocsin.mission.reports import incident_of
from tocsin.mission.state import Mission
from tocsin.policy.model import Policy
from tocsin.runtime.clock import Clock
from tocsin.runtime.problems import Problem
from tocsin.runtime.security import Principal
from tocsin.runtime.settings import Settings
from tocsin.sealing.keyring import Keyring
from tocsin.sealing.walk import seal_words, unseal_words

LOOK_S = 1.0
"""How long an id that is not known yet is looked for on the log before it is a 404."""
GONE = "[destroyed]"
_NOT_FOUND = frozenset({"unknown_mission", "unknown_unit", "unknown_hospital"})


def answer(status: int, body: Any) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, media_type="application/json")


def clear_of(value: Any, keyring: Keyring) -> Any:
    """A value with its sealed words in clear; a call's own part, with its caller's whole number, stays out of it."""
    if isinstance(value, MissionOpened):
        value = msgspec.structs.replace(value, private="")
    return unseal_words(value, keyring, GONE)


class Desk:
    """What the routes share."""

    def __init__(
        self, settings: Settings, policy: Policy, clock: Clock, keyring: Keyring, producer: Producer, index: Index,
        positions: Positions,
    ) -> None:  # fmt: skip
        self.settings, self.policy, self.clock, self.keyring = settings, policy, clock, keyring
        self.index, self.positions = index, positions
        self._producer = producer

    def region_of(self, who: Principal) -> str:
        """The region whose fleet this person sees."""
        return fleet_region(self.policy, who.region)

    def sees(self, who: Principal, region: str) -> bool:
        """Everyone their own region's fleet; admin all."""
        return who.role == "admin" or region == self.region_of(who)

    def sees_mission(self, who: Principal, mission: Mission) -> bool:
        """A patient is seen by the centre and by the crew that is sent, not by every crew."""
        return self.sees(who, mission.region) and (who.role != "crew" or mission.unit_id == who.unit)

    def sees_event(self, who: Principal, event: Event[Any]) -> bool:
        """The same for what happens: a crew hears of its own missions, and of being taken off one."""
        mission = self.index.state.missions.get(event.subject)
        if mission is None or getattr(event.data, "unit_id", None) == who.unit != "":
            return self.sees(who, event.region)
        return self.sees_mission(who, mission)

    def words(self, token: str) -> str:
        """Sealed text in clear; what cannot be read any more says so."""
        return self.keyring.unseal(token) or GONE

    def clear(self, value: Any) -> Any:
        """A value with its sealed words in clear."""
        return clear_of(value, self.keyring)

    async def known(self, who: Principal, kind: str, wanted: str) -> str:
        """The region of a mission, unit or hospital (`kind` is the state's mapping); Problem 404."""
        held = getattr(self.index.state, kind)
        if wanted not in held:
            await self.index.fresh(LOOK_S)
        found = held.get(wanted)
        if found is None or not self.sees(who, found.region):
            raise Problem(404, "not_found", f"There is no {kind.removesuffix('s')} {wanted!r}.")
        return str(found.region)

    async def act(
        self, who: Principal, region: str, target: str, data: Any, *, command_id: str = "", expected: int | None = None
    ) -> str:
        """Seals and appends; the command's id. Problem 503 where the log does not answer (safe to send again)."""
        command_id = command_id or f"act-{secrets.token_hex(12)}"
        subject = incident_of(target) or target
        await self.keyring.ensure([subject])
        sealed = seal_words(data, subject, self.keyring)
        mission = self.index.state.missions.get(target)
        command: Command[Any] = Command(
            command_id=command_id, region=region, target=target, data=sealed, actor=who.actor,
            issued_at=self.clock.now_ms(), expected_version=expected, exercise=mission is not None and mission.exercise,
        )  # fmt: skip
        await self.append(command)
        return command_id

    async def append(self, command: Command[Any]) -> None:
        """To the commands of the region's partition."""
        partition = partition_of(command.region, self.settings.partitions)
        headers = command_headers(command, clock=self.clock)
        record = Append(EMS_COMMANDS.name, partition, command.region.encode(), encode_command(command), headers)
        try:
            await self._producer.append(record)
        except LogUnavailable as e:
            detail = "The log does not answer; send it again with the same command_id."
            raise Problem(503, "log_unavailable", detail, {"retry-after": "2"}) from e
        except RecordTooLarge as e:
            raise Problem(413, "body_too_large", "The command is too large for the log; send less.") from e

    async def decided(self, command_id: str, target: str, wait_s: float) -> Response:
        """The answer to an act: 200 accepted, 409 (404) refused, 202 where it is not decided in time."""
        outcome = await self.index.until_decided(command_id, wait_s)
        return self.shown(command_id, target, outcome)

    def shown(self, command_id: str, target: str, outcome: Outcome | None) -> Response:
        """An outcome as an answer."""
        if outcome is None:
            return answer(202, {"command_id": command_id, "outcome": "pending"})
        refusal = outcome.refusal
        if refusal is not None:
            status = 404 if refusal.code in _NOT_FOUND and refusal.target == target else 409
            detail = f"{refusal.detail or CODES.get(refusal.code, '')}"
            at = version(self.index.state, target)
            raise Problem(status, refusal.code, detail, command_id=command_id, outcome="refused", version=at)
        of_target = [e.version for e in outcome.events if e.subject == target]
        body = {
            "command_id": command_id, "outcome": "accepted", "version": of_target[-1] if of_target else None,
            "events": [event_json(self.clear_event(e)) for e in outcome.events],
        }  # fmt: skip
        body["version"] = body["version"] or version(self.index.state, target)
        return answer(200, body)

    def clear_event(self, event: Any) -> Any:
        """An event with its words in clear, for those who may see medical detail."""
        return msgspec.structs.replace(event, data=self.clear(event.data))


SYSTEM_ACTOR = Actor(subject="ems120")
