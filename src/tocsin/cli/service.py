"""One service as a child process: started, asked whether it is ready, started again when it dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from tocsin.runtime.tied import Tied

_PAUSES_S = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Before the next start, by how often it has died young: at once after a kill, never a busy loop."""
_GROWN_UP_S = 10.0
STOP_SECONDS_MAX = 12.0
"""Services exit within 10 s of SIGTERM (contract); after this they are killed."""


class Service:
    """`python -m services.<name>`; its output goes to `logs/<name>.log`."""

    def __init__(self, name: str, port: int, env: Mapping[str, str], logs: Path) -> None:
        self.name, self.port = name, port
        self.url = f"http://127.0.0.1:{port}"
        self.log_file = logs / f"{name}.log"
        self.deaths_young = 0
        self._env = dict(env) | {"TOCSIN_PORT": str(port)}
        self._process: subprocess.Popen[bytes] | None = None
        self._tied: Tied | None = None
        self._started = self._start_at = 0.0

    @property
    def pid(self) -> int:
        """The process; 0 where none runs."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> None:
        """Starts it; does not wait."""
        self._started = time.monotonic()
        with self.log_file.open("ab") as log:
            # A session of its own: Ctrl-C at the terminal reaches `up` alone, which stops the services in their order.
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", f"services.{self.name}"],
                env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        # Without the `up` that looks after it, it would go on unseen, and beside the one that the next `up` starts.
        self._tied = Tied(self._process.pid, grace_s=round(STOP_SECONDS_MAX))

    def look_after(self) -> bool:
        """Starts it again where it has died and its pause is over; whether the pid has changed."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            young = now - self._started < _GROWN_UP_S
            self.deaths_young = self.deaths_young + 1 if young else 0
            self._start_at = now + _PAUSES_S[min(self.deaths_young, len(_PAUSES_S) - 1)]
            self._gone()
        if self._process is None and now >= self._start_at:
            self.start()
            return True
        return False

    def not_ready(self, client: httpx.Client) -> str:
        """What keeps it from being ready, or "" when it is."""
        if self._process is None or self._process.poll() is not None:
            return f"it ended: {self.said()}"
        try:
            answer = client.get(f"{self.url}/readyz", timeout=2)
        except httpx.HTTPError:
            return "it does not answer yet"
        if answer.status_code == httpx.codes.OK:
            return ""
        try:
            return "; ".join(map(str, answer.json().get("reasons", []))) or "it says it is not ready"
        except ValueError:
            return f"its readiness answered {answer.status_code}"

    def said(self, lines: int = 1) -> str:
        """The last lines of its log."""
        try:
            text = self.log_file.read_bytes()[-8000:].decode(errors="replace")
        except FileNotFoundError:
            return ""
        return " | ".join([line for line in text.splitlines() if line.strip()][-lines:])[-600:]

    def ask_to_stop(self) -> None:
        """SIGTERM, and SIGCONT in case it was paused."""
        if self._process is not None and self._process.poll() is None:
            for what in (signal.SIGTERM, signal.SIGCONT):
                os.kill(self._process.pid, what)

    def wait_stopped(self, until: float) -> None:
        """Until it is gone, or is killed at `until` (monotonic seconds)."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._gone()

    def _gone(self) -> None:
        self._process = None
        if self._tied is not None:
            self._tied.release()
            self._tied = None
