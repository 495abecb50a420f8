"""Brings a whole deployment up, keeps it up, and takes it down in order."""

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import httpx
import msgspec

from tocsin import __version__
from tocsin.broker import EmbeddedKafka
from tocsin.broker.deciders import await_nobody_decides
from tocsin.broker.topics import brokers_of, ensure_topics
from tocsin.cli.clockfile import keep_clock, prepare_clock
from tocsin.cli.deployment import RUN_FILE, SERVICES, Deployment
from tocsin.cli.errors import Mend
from tocsin.cli.leftovers import end_leftovers
from tocsin.cli.plan import PARTITIONS_FILE, UpPlan
from tocsin.cli.policies import policy_held
from tocsin.cli.progress import Steps
from tocsin.cli.service import STOP_SECONDS_MAX, Service
from tocsin.cli.tokens import issue_all
from tocsin.policy.activate import keep_policy
from tocsin.policy.model import Policy
from tocsin.runtime.held import Held
from tocsin.runtime.security import load_secret
from tocsin.text.model import open_model

READY_SECONDS_MAX = 180.0
_DEATHS_MAX = 4
"""A service that dies this often before it was ever ready will not get better by itself."""
_LOOK_SECONDS = 0.1
_BROKER_PAUSE_S = 1.0
_DISK_MIN_BYTES = 300 * 1024 * 1024


class County:
    """One deployment: its broker (or an outside one) and its five services."""

    def __init__(self, plan: UpPlan) -> None:
        self.plan = plan
        self._held = Held(plan.data_dir / "up.lock")
        self._kafka = EmbeddedKafka(plan.data_dir / "kafka", plan.broker_port, plan.nodes) if plan.owns_broker else None
        self._services: list[Service] = []
        self._run: Deployment | None = None
        self._broker_at = 0.0
        self._beside: subprocess.Popen[bytes] | None = None

    def start(self, steps: Steps) -> Deployment:
        """Everything up and ready; raises Mend. Whatever was started is stopped again where it fails."""
        plan = self.plan
        plan.data_dir.mkdir(parents=True, exist_ok=True)
        self._held.take(
            f"A deployment (process {{pid}}) already runs on {plan.data_dir}",
            "Stop it with `tocsin down` (with the same --data-dir), or choose another --data-dir and --port-base.",
        )
        try:
            end_leftovers(plan.data_dir)
            self._room()
            named = self.plan.policy
            policy = self._policy()
            trained, fault = open_model(plan.model, policy)  # the router opens it again; here it is said aloud
            model = trained.version if trained is not None else ""
            prepare_clock(plan.data_dir, plan.clock, plan.clock_start)
            bootstrap = self._log(steps)
            self._start_services(bootstrap)
            self._await_ready(steps)
            urls = {s.name: s.url for s in self._services}
            tokens = issue_all(load_secret(plan.settings(bootstrap).secrets_dir / "token.key"), policy)
            self._run = Deployment(
                ready=True, bootstrap=bootstrap,
                intake=urls["intake"], notifier=urls["notifier"], ems120=urls["ems120"], router=urls["router"],
                supervision=urls["supervision"], console=urls["notifier"],
                pids={}, tokens=tokens.roles, agency_tokens=tokens.agencies, unit_tokens=tokens.units,
                data_dir=str(plan.data_dir), clock=plan.clock, policy_dir=str(named or ""),
                policy_kept=str(self.plan.policy), model_dir=str(plan.model or ""), model=model, model_fault=fault,
                partitions=plan.partitions, replicas=self.plan.replicas, nodes=plan.nodes, version=__version__,
            )  # fmt: skip
            return self._written()
        except BaseException:
            self.stop()
            raise

    def _policy(self) -> Policy:
        """The policy of the settings. Services get a copy of it: who edits the directory meanwhile changes nothing.

        Else one that dies would come back by half an edit, or not at all.
        """
        directory = self.plan.settings("").policy_path
        policy = policy_held(directory)
        try:
            kept = keep_policy(directory, policy, self.plan.data_dir)
        except OSError as e:
            raise Mend(f"The policy {directory} could not be kept: {e}", "Try again; see `tocsin doctor`.") from e
        self.plan = msgspec.structs.replace(self.plan, policy=kept)
        return policy

    def _room(self) -> None:
        free = shutil.disk_usage(self.plan.data_dir).free
        if free < _DISK_MIN_BYTES:
            raise Mend(
                f"Only {free >> 20} MiB are free where {self.plan.data_dir} is",
                f"Free at least {_DISK_MIN_BYTES >> 20} MiB, or name another --data-dir.",
            )
        for name in SERVICES:
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind(("127.0.0.1", self.plan.port(name)))
                except OSError as e:
                    raise Mend(
                        f"Port {self.plan.port(name)}, which {name} needs, cannot be used ({e.strerror})",
                        "Stop what listens there, or choose other ports with --port-base.",
                    ) from None

    def _log(self, steps: Steps) -> str:
        bootstrap = self.plan.bootstrap
        if self._kafka is not None:
            steps.say("looking for Apache Kafka")
            self._kafka.start(steps.bytes, steps.say)
            bootstrap = self._kafka.bootstrap
        else:
            steps.say(f"asking Kafka at {bootstrap}")
            brokers = asyncio.run(brokers_of(self.plan.settings(bootstrap)))
            self.plan = msgspec.structs.replace(self.plan, brokers=brokers)
            steps.say("looking whether another deployment decides there")
            asyncio.run(await_nobody_decides(self.plan.settings(bootstrap)))
        steps.say("making the topics")
        asyncio.run(ensure_topics(self.plan.settings(bootstrap)))
        (self.plan.data_dir / PARTITIONS_FILE).write_text(str(self.plan.partitions))
        return bootstrap

    def _start_services(self, bootstrap: str) -> None:
        logs = self.plan.data_dir / "logs"
        logs.mkdir(exist_ok=True)
        env = self.plan.env(bootstrap)
        self._services = [Service(name, self.plan.port(name), env, logs) for name in SERVICES]
        for service in self._services:
            service.start()

    def _await_ready(self, steps: Steps) -> None:
        until = time.monotonic() + READY_SECONDS_MAX
        waiting = {s.name: "" for s in self._services}
        with httpx.Client() as client:
            while waiting:
                steps.say(f"waiting for {', '.join(waiting)}")
                for service in self._services:
                    if service.name not in waiting:
                        continue
                    waiting[service.name] = service.not_ready(client)
                    if not waiting[service.name]:
                        del waiting[service.name]
                    elif service.look_after() and service.deaths_young >= _DEATHS_MAX:
                        raise Mend(f"{service.name} does not start: {service.said()}", f"See {service.log_file}.")
                if waiting and time.monotonic() > until:
                    name, why = next(iter(waiting.items()))
                    raise Mend(
                        f"{name} is not ready after {READY_SECONDS_MAX:.0f} s: {why}",
                        f"See {self.plan.data_dir / 'logs' / name}.log.",
                    )
                if waiting:
                    time.sleep(_LOOK_SECONDS)

    def _written(self) -> Deployment:
        assert self._run is not None  # noqa: S101 - only called once it is made
        brokers = [] if self._kafka is None else self._kafka.pids
        self._run.pids = {"broker": brokers[0] if brokers else 0} | {s.name: s.pid for s in self._services}
        self._run.broker_pids = brokers
        self._run.supervisor = self._held.pid
        self._run.write()
        return self._run

    def watch(self, stopped: Callable[[float], bool]) -> None:
        """Until `stopped(seconds)`, which waits that long, says so: starts again what dies, notes the new pids."""
        while not stopped(_LOOK_SECONDS):
            changed = [s.name for s in self._services if s.look_after()]
            if self._beside is not None:
                self._beside.poll()
            if self._look_after_broker() or changed:
                self._written()

    def _look_after_broker(self) -> bool:
        if self._kafka is None or time.monotonic() < self._broker_at:
            return False
        dead = [n.index for n in self._kafka.nodes if n.pid is None]
        for index in dead:
            self._kafka.start_node(index)
        if dead:
            self._broker_at = time.monotonic() + _BROKER_PAUSE_S
        return bool(dead)

    def accompany(self, command: Sequence[str]) -> None:
        """Runs a command of ours beside the services, once; its output goes to `logs/<command>.log`."""
        with (self.plan.data_dir / "logs" / f"{command[0]}.log").open("ab") as log:
            self._beside = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "tocsin", *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def stop(self) -> None:
        """What runs beside, then the services, all at once and each within its time; then the broker; then the lock."""
        if self._beside is not None:
            self._beside.kill()  # it holds nothing: all it has done is in the log
            self._beside.wait()
        for service in reversed(self._services):
            service.ask_to_stop()
        until = time.monotonic() + STOP_SECONDS_MAX
        for service in self._services:
            service.wait_stopped(until)
        if self._run is not None:
            keep_clock(self.plan.data_dir, self.plan.clock)
        if self._kafka is not None:
            self._kafka.stop()
        if self._run is not None:
            with suppress(FileNotFoundError):
                (self.plan.data_dir / RUN_FILE).unlink()
        self._held.release()
