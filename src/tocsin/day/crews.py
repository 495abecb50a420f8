"""The people who work a played day: desks that look at each call, agencies at their tasks, crews, closers."""

from typing import TYPE_CHECKING, Any

from tocsin.day.ring import Ring

if TYPE_CHECKING:
    from tocsin.day.play import Act, Player

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
# (command, fields, least and most ms after the step before): an ordinary run of an urgent task and of a work order.
_Step = tuple[str, dict[str, object], int, int]
_URGENT: tuple[_Step, ...] = (
    ("acknowledge", {}, 4_000, 24_000),
    ("accept", {}, 2_000, 15_000),
    ("dispatch_unit", {"unit_ids": ["队-1"]}, 15_000, 80_000),
    ("arrive", {"unit_id": "队-1"}, 3 * _MINUTE, 9 * _MINUTE),
    ("feedback", {"stage": "arrival", "text": "已到现场，正在处置"}, _MINUTE, 4 * _MINUTE),
    ("complete", {"disposition": "handled", "result": "现场处置完毕"}, 10 * _MINUTE, 50 * _MINUTE),
)
_WORK_ORDER: tuple[_Step, ...] = (
    ("acknowledge", {}, 5 * _MINUTE, 90 * _MINUTE),
    ("accept", {}, 5 * _MINUTE, 60 * _MINUTE),
    ("feedback", {"stage": "progress", "text": "已联系来电人，安排办理"}, 30 * _MINUTE, 3 * _HOUR),
    ("complete", {"disposition": "handled", "result": "已办理并答复"}, _HOUR, 9 * _HOUR),
)
_MISSION = (
    ("acknowledge", 4_000, 20_000),
    ("depart", 20_000, 100_000),
    ("arrive", 4 * _MINUTE, 11 * _MINUTE),
    ("patient_contact", 30_000, 2 * _MINUTE),
    ("leave", 5 * _MINUTE, 12 * _MINUTE),
    ("arrive_hospital", 6 * _MINUTE, 15 * _MINUTE),
    ("hand_over", 3 * _MINUTE, 10 * _MINUTE),
)
_LATE_SHARE = 0.04
_SOLVED_SHARE, _SATISFIED_SHARE = 0.9, 0.85
_HOTLINE = "nanxian-hotline"
_BACKLOG_SHARE = 0.15
"""Work orders that nobody begins on the day itself: they are done in the days after, some of them late."""
_DAY = 24 * _HOUR
_LOOKS_HOURLY, _LOOKS = 12, 60
"""How often the closer looks whether an incident is done: each hour at first, then every six."""
_INVALID = {"silent": "silent", "dropped": "dropped", "nuisance": "nuisance", "test": "test", "misdial": "misdial"}


class Crews:
    """Everyone who acts on what was decided. Remembers which tasks and missions someone has in hand."""

    def __init__(self, player: "Player") -> None:
        self.player = player
        self._tasks: set[str] = set()
        self._missions: set[str] = set()
        self._closing: set[str] = set()

    def _after(self, now: int, least: int, most: int) -> int:
        return now + self.player.random.randint(least, most)

    async def look(self, ring: Ring, token: str) -> None:
        """The desk looks at what was decided about a call, and everyone concerned sets to work."""
        call = await self.player.door.get("intake", f"/v1/calls/{ring.call_id}?wait=5", token)
        if call is None:
            return
        for incident_id in call["incident_ids"]:
            self.player.later(self.player.pace.clock.now_ms() + 1_000, self._staff(incident_id, ring.call_id))

    def _staff(self, incident_id: str, call_id: str) -> "Act":
        async def staff(now: int) -> None:
            commander = self.player.door.tokens["commander"]
            incident = await self.player.door.get("notifier", f"/v1/incidents/{incident_id}", commander)
            if incident is None:
                self.player.later(now + 1_000, self._staff(incident_id, call_id))
                return
            for task in incident["tasks"]:
                if task["task_id"] not in self._tasks:
                    self._tasks.add(task["task_id"])
                    self._take(task, now)
            if incident["review"]:
                self.player.later(self._after(now, 20_000, 3 * _MINUTE), self._review(incident, call_id))
            if incident_id not in self._closing:
                self._closing.add(incident_id)
                self.player.later(self._after(now, 30 * _MINUTE, 60 * _MINUTE), self._close(incident_id, looks=0))

        return staff

    def _take(self, task: dict[str, Any], now: int) -> None:
        if task["agency_class"] == "medical":
            self.player.later(now + 2_000, self._missions_of(task["task_id"], tries=40))
            return
        routine = task["agency_class"] == "department" and task["agency"] not in ("nanxian-command", "nanxian-gas")
        steps = _WORK_ORDER if routine else _URGENT
        late = 2 * _MINUTE if self.player.random.random() < _LATE_SHARE else 0
        if routine and self.player.random.random() < _BACKLOG_SHARE:
            late = self.player.random.randint(_DAY, 4 * _DAY)
        self.player.later(self._after(now + late, *steps[0][2:]), self._step(task, steps, 0))

    def _step(self, task: dict[str, Any], steps: tuple[_Step, ...], n: int) -> "Act":
        async def step(now: int) -> None:
            name, fields, _, _ = steps[n]
            token = self.player.door.agency_tokens[task["agency"]]
            command_id = f"day-{task['task_id']}-{name}"
            body = {"command": name, "command_id": command_id, **fields}
            await self.player.door.act(f"/v1/tasks/{task['task_id']}/commands", token, body)
            if n + 1 < len(steps):
                self.player.later(self._after(now, *steps[n + 1][2:]), self._step(task, steps, n + 1))

        return step

    def _missions_of(self, task_id: str, *, tries: int) -> "Act":
        async def find(now: int) -> None:
            token = self.player.door.tokens["ems_dispatcher"]
            page = await self.player.door.get("ems120", "/v1/missions?limit=500", token)
            mine = [m for m in page["items"] if m["task_id"] == task_id]
            for mission in mine:
                if mission["mission_id"] not in self._missions and mission["unit_id"]:
                    self._missions.add(mission["mission_id"])
                    self.player.later(self._after(now, *_MISSION[0][1:]), self._drive(mission, 0))
            waiting = not mine or any(m["mission_id"] not in self._missions and m["state"] != "ended" for m in mine)
            if waiting and tries:
                self.player.later(
                    now + (2_000 if not mine else 2 * _MINUTE), self._missions_of(task_id, tries=tries - 1)
                )

        return find

    def _drive(self, mission: dict[str, Any], n: int) -> "Act":
        async def drive(now: int) -> None:
            name = _MISSION[n][0]
            token = self.player.door.tokens["ems_dispatcher"]
            path = f"/v1/missions/{mission['mission_id']}/commands"
            body = {"command": name, "command_id": f"day-{mission['mission_id']}-{name}"}
            outcome = await self.player.door.act(path, token, body, service="ems120")
            if outcome.get("code") == "illegal_step" and n == 0:
                return
            if n + 1 < len(_MISSION):
                self.player.later(self._after(now, *_MISSION[n + 1][1:]), self._drive(mission, n + 1))

        return drive

    def _review(self, incident: dict[str, Any], call_id: str) -> "Act":
        """A person looks: calls that are no matter are closed (called back first), the rest stay in review."""

        async def review(_: int) -> None:
            kind = incident["kind"]["code"]
            if not kind.startswith("invalid."):
                return
            line = incident["calls"][0]["line"] if incident["calls"] else "110"
            token, path = self.player.door.desk(line), f"/v1/calls/{call_id}/commands"
            reason = _INVALID.get(kind.removeprefix("invalid."), "nuisance")
            if reason in ("silent", "dropped"):
                back = {"command": "call_back", "command_id": f"day-{call_id}-back", "result": "answered"}
                await self.player.door.act(path, token, back)
            body = {"command": "close_call", "command_id": f"day-{call_id}-close", "reason": reason}
            await self.player.door.act(path, token, body)

        return review

    def _close(self, incident_id: str, *, looks: int) -> "Act":
        """When every task is done the caller is told and the incident closed; until then the closer looks again."""

        async def close(now: int) -> None:
            token = self.player.door.tokens["commander"]
            incident = await self.player.door.get("notifier", f"/v1/incidents/{incident_id}", token)
            if incident is None or incident["state"] != "open":
                return
            ended = ("completed", "cancelled", "returned", "transferred")
            if incident["review"] or any(t["state"] not in ended for t in incident["tasks"]):
                if looks < _LOOKS:
                    again = now + (_HOUR if looks < _LOOKS_HOURLY else 6 * _HOUR)
                    self.player.later(again, self._close(incident_id, looks=looks + 1))
                return
            path = f"/v1/incidents/{incident_id}/commands"
            turn = max((t["round"] for t in incident["tasks"]), default=1)
            told = {"command": "inform_caller", "command_id": f"day-{incident_id}-told-{turn}", "result": "told"}
            await self.player.door.act(path, token, told)
            if incident["first_receiver"] == _HOTLINE and not await self._solved(path, incident_id, turn):
                self.player.later(now + 1_000, self._staff(incident_id, ""))
                self.player.later(now + _HOUR, self._close(incident_id, looks=looks))
                return
            shut = {"command": "close", "command_id": f"day-{incident_id}-shut", "disposition": "handled"}
            await self.player.door.act(path, token, shut)
            self._closing.discard(incident_id)  # a late call may open it again

        return close

    async def _solved(self, path: str, incident_id: str, turn: int) -> bool:
        """The hotline's follow-up call (回访); what is not solved goes a second round, once, one level up."""
        solved = turn > 1 or self.player.random.random() < _SOLVED_SHARE
        body = {
            "command": "follow_up", "command_id": f"day-{incident_id}-follow-{turn}", "solved": solved,
            "satisfied": solved and self.player.random.random() < _SATISFIED_SHARE,
        }  # fmt: skip
        answer = await self.player.door.act(path, self.player.door.tokens["hotline"], body)
        return solved or answer.get("outcome") != "accepted"
