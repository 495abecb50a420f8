"""Moving a manual clock: from one due moment to the next, so that nothing fires late or out of order."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct

from tocsin.cli.clockfile import parse_time
from tocsin.cli.deployment import Deployment
from tocsin.cli.errors import Mend, Misused
from tocsin.codec.text import rfc3339
from tocsin.runtime.clock import Clock, write_clock
from tocsin.runtime.held import Held

ASKED = ("supervision", "ems120")
"""The services in which something can be due, and that know whether all that happened has been worked off."""
_POLL_SECONDS = 0.05
_STUCK_SECONDS_MAX = 60.0
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Pending(Struct, frozen=True):
    """What a service answers to `GET /v1/clock/pending?until=`."""

    settled: bool
    next_due: str | None = None
    waiting_for: tuple[str, ...] = ()


def parse_duration_ms(text: str) -> int:
    """An ISO 8601 duration of days and less (`PT30S`, `P1DT2H`) in milliseconds; Mend otherwise."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise Misused(f"{text!r} is no duration", "Write it like PT30S, PT10M, PT1H30M or P1D.")
    days, hours, minutes, seconds = (float(g or 0) for g in match.groups())
    return round(1000 * (days * 86_400 + hours * 3_600 + minutes * 60 + seconds))


class Mover:
    """Moves the clock of one deployment. `ask` gives each service's answer for a moment up to which to look."""

    def __init__(self, deployment: Deployment) -> None:
        if not deployment.clock.startswith("manual"):
            raise Mend(
                f"This deployment's clock is {deployment.clock}",
                "Only one started with `up --clock manual` can be moved.",
            )
        for service in ASKED:
            if urlsplit(deployment.url(service)).hostname not in _LOOPBACK:
                raise Mend(f"{service} is not on loopback", "A clock is moved on the machine it belongs to only.")
        self._file = Path(deployment.data_dir) / "clock.json"
        self._clock = Clock("manual", self._file)
        self._clients = {s: deployment.client(s, "admin", seconds=30) for s in ASKED}

    def now_ms(self) -> int:
        """What the clock shows."""
        return self._clock.now_ms()

    def move(self, target_ms: int) -> int:
        """To `target_ms`, by way of every moment at which something is due; the new now once all is worked off."""
        held = Held(self._file.with_suffix(".lock"))
        held.take("The clock is being moved by process {pid}", "Wait for it, and try again.")
        try:
            now = self.now_ms()
            if target_ms < now:
                raise Mend(f"The clock shows {rfc3339(now)}", "It only goes forward.")
            while True:
                due = self._settle(target_ms, now)
                if due is None and now >= target_ms:
                    return now
                now = target_ms if due is None else max(now, min(due, target_ms))
                write_clock(self._file, base_ms=now, factor=0)
        finally:
            held.release()

    def _settle(self, target_ms: int, now_ms: int) -> int | None:
        """Waits until nothing is unfinished and nothing is due any more at `now_ms`; the next due moment after it."""
        until = time.monotonic() + _STUCK_SECONDS_MAX
        calm: Mapping[str, Pending] | None = None
        why: list[str] = []
        while time.monotonic() < until:
            answers = {s: self._ask(s, target_ms) for s in ASKED}
            dues = [parse_time(a.next_due) for a in answers.values() if a.next_due is not None]
            why = [
                f"{s}: {w}" for s, a in answers.items() for w in a.waiting_for or (() if a.settled else ("unsettled",))
            ]
            why += [f"what was due at {rfc3339(d)}" for d in dues if d <= now_ms]
            # Seen calm twice: between asking the one and the other, work may pass from the second to the first.
            if not why and answers == calm:
                return min(dues, default=None)
            calm = None if why else answers
            time.sleep(_POLL_SECONDS)
        raise Mend(
            f"The clock stands at {rfc3339(now_ms)}, but after {_STUCK_SECONDS_MAX:.0f} s this is still unfinished: "
            f"{', '.join(why) or 'new work keeps coming'}",
            "See `tocsin status` and the logs of the services named.",
        )

    def _ask(self, service: str, until_ms: int) -> Pending:
        try:
            answer = self._clients[service].get("/v1/clock/pending", params={"until": rfc3339(until_ms)})
            return msgspec.json.decode(answer.raise_for_status().content, type=Pending)
        except (httpx.HTTPError, msgspec.DecodeError) as e:
            return Pending(settled=False, waiting_for=(f"its answer ({e})",))
