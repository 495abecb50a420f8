"""What `doctor` looks at: each check says what it found and, where that is not well, what to do."""

import asyncio
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from aiokafka.errors import KafkaError

from tocsin.broker.jars import cache_dir, locked
from tocsin.broker.java import JAVA_VERSION_MIN, find_java
from tocsin.broker.topics import last_append_ms, topic_states
from tocsin.cli.brokers import brokers_seen
from tocsin.cli.checked import Check, Checks
from tocsin.cli.checks_policy import check_model, check_policy
from tocsin.cli.deployment import PORT_OFFSETS, SERVICES, Deployment
from tocsin.cli.errors import Mend
from tocsin.cli.lag import lag_of, metrics_of, stable_lag_of
from tocsin.cli.outside import outside_of
from tocsin.cli.stopping import holder
from tocsin.log.topics import TOPICS, URGENT
from tocsin.runtime.clock import Clock
from tocsin.runtime.settings import Settings

PYTHON_MIN = (3, 11)
DISK_WARN_BYTES = 2 << 30
DISK_FAIL_BYTES = 300 << 20
LAG_MAX = 10_000
CLOCK_APART_MS_MAX = 2_000


def check_python() -> Checks:
    """Python's version."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= PYTHON_MIN:
        yield Check("python", "ok", found)
    else:
        yield Check("python", "failure", found, "Install Python 3.11 or newer.")


def check_java() -> Checks:
    """A Java for the broker, and Kafka's jars."""
    try:
        java, version = find_java()
        yield Check("java", "ok", f"{version} ({java})")
    except Mend as e:
        yield Check("java", "failure", e.what, e.mend)
    missing = [j.name for j in locked() if not (cache_dir() / "jars" / j.name).exists()]
    if missing:
        yield Check("kafka jars", "warning", f"{len(missing)} not fetched yet", "The next `tocsin up` fetches them.")
    else:
        yield Check("kafka jars", "ok", f"{len(locked())} in {cache_dir() / 'jars'}; needs Java {JAVA_VERSION_MIN}")


def check_ports(data_dir: Path, port_base: int) -> Checks:
    """Whether `up` could listen; nothing to say where this deployment itself does."""
    if holder(data_dir):
        yield Check("ports", "ok", "held by this deployment")
        return
    taken = []
    for port in (*(port_base + o for o in PORT_OFFSETS.values()), port_base + 10, port_base + 15):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                taken.append(port)
    if taken:
        mend = "Stop what listens there, or choose other ports with --port-base."
        yield Check("ports", "failure", f"taken: {', '.join(map(str, taken))}", mend)
    else:
        yield Check("ports", "ok", f"{port_base} and up are free")


def check_disk(data_dir: Path) -> Checks:
    """Room where the data is, and leave to write there."""
    at = next(p for p in (data_dir.resolve(), *data_dir.resolve().parents) if p.exists())
    if not os.access(at, os.W_OK | os.X_OK):
        mend = "Run it as that directory's account, or name another with --data-dir."
        yield Check("data directory", "failure", f"this account may not write to {at}", mend)
    free = shutil.disk_usage(at).free
    state: Literal["ok", "warning", "failure"] = "ok"
    if free < DISK_WARN_BYTES:
        state = "failure" if free < DISK_FAIL_BYTES else "warning"
    mend = "" if state == "ok" else "Free some, or move the data directory: the event log is never cut."
    yield Check("disk", state, f"{free / (1 << 30):.1f} GiB free at {at}", mend)


def check_log(deployment: Deployment) -> Checks:
    """The brokers, and every topic's settings against the list."""
    known = brokers_seen(deployment)
    if not any(known):
        yield Check("brokers", "failure", f"{deployment.bootstrap} does not answer", "See the log of the broker.")
        return
    well = min(known) >= deployment.nodes
    yield Check("brokers", "ok" if well else "failure", f"{max(known)} at {deployment.bootstrap}",
                "" if well else "Start the nodes that are down.")  # fmt: skip
    try:
        states = asyncio.run(topic_states(deployment.settings()))
    except Mend as e:
        yield Check("topics", "failure", e.what, e.mend)
        return
    for topic in TOPICS:
        state = states.get(topic.name)
        if state is None:
            yield Check(f"topic {topic.name}", "failure", "is missing", "`tocsin up` makes it.")
        elif state.wrong:
            differs = "; ".join(f"{k} is {have}, should be {want}" for k, have, want in state.wrong)
            change = ",".join(f"{k}={want}" for k, _, want in state.wrong if k not in ("partitions", "replicas"))
            mend = f"kafka-configs --alter --topic {topic.name} --add-config {change}" if change else (
                "Partitions are never raised in place: copy to a new generation of topics.")  # fmt: skip
            yield Check(f"topic {topic.name}", "failure", differs, mend)
    if len(states) == len(TOPICS) and not any(s.wrong for s in states.values()):
        yield Check("topics", "ok", f"{len(states)}, each as it should be")


def check_services(deployment: Deployment) -> Checks:
    """They answer, and are not far behind."""
    texts = metrics_of(deployment)
    for name in SERVICES:
        if name not in texts:
            log = f"{deployment.data_dir}/logs/{name}.log" if deployment.started_here else "its log"
            yield Check(name, "failure", "does not answer", f"See {log}.")
            continue
        behind = {t: n for t, n in lag_of(texts[name]).items() if n > LAG_MAX}
        held_up = {t: n for t, n in stable_lag_of(texts[name]).items() if n > LAG_MAX}
        if behind or held_up:
            found = ", ".join(f"{t}: {n} records behind" for t, n in (behind | held_up).items())
            yield Check(
                name, "failure", found, "Wait if it is catching up; if not, see its log, or start more replicas."
            )
        else:
            yield Check(name, "ok", f"answers, {sum(lag_of(texts[name]).values())} records behind")


def check_clock(deployment: Deployment) -> Checks:
    """This machine's time against the last append to the log: what Kafka stamps can never lie in the future."""
    try:
        last = asyncio.run(last_append_ms(deployment.settings(), URGENT))
    except KafkaError as e:
        yield Check("clock", "failure", f"the log's time cannot be read ({e})", "See the log of the broker.")
        return
    ahead = 0 if last is None else last - time.time_ns() // 1_000_000
    if ahead > CLOCK_APART_MS_MAX:
        mend = "Set the clocks of this machine and of Kafka's by NTP."
        yield Check("clock", "failure", f"Kafka's time is {ahead / 1000:.1f} s ahead of this machine's", mend)
    else:
        yield Check("clock", "ok", f"{deployment.clock}; Kafka's last append is not in the future")


def all_checks(data_dir: Path, port_base: int, told: Callable[[str], None]) -> list[Check]:
    """All of them, in order; those of a running deployment only where one runs.

    Java, the jars and the ports are for `up`: no matter where something else started the services.
    """
    deployment = Deployment.read(data_dir) if holder(data_dir) else outside_of(data_dir)
    settings = Settings(data_dir=data_dir) if deployment is None else deployment.settings()
    named = Path(deployment.policy_dir) if deployment is not None and deployment.policy_dir else None
    now_ms = Clock(settings.clock, data_dir / "clock.json").now_ms()
    found: list[Check] = []
    plans: list[tuple[str, Checks]] = [("Python", check_python())]
    if deployment is None or deployment.started_here:
        plans += [("Java", check_java()), ("ports", check_ports(data_dir, port_base))]
    plans += [
        ("disk", check_disk(data_dir)),
        ("the policy", check_policy(settings, now_ms, named)),
        ("the text model", check_model(settings)),
    ]
    if deployment is not None:
        plans += [("the log", check_log(deployment)), ("services", check_services(deployment)),
                  ("the clock", check_clock(deployment))]  # fmt: skip
    for what, checks in plans:
        told(f"looking at {what}")
        found += checks
    if deployment is None:
        found.append(Check("deployment", "warning", f"none runs on {data_dir}", f"tocsin up --data-dir {data_dir}"))
    return found
