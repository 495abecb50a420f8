"""Intake's speed beside a no-op endpoint driven by the same client in the same run."""

import contextlib
import itertools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from tocsin.bench.client import drive, request_bytes
from tocsin.bench.figure import Figure, figure
from tocsin.bench.stage import alone, free_base
from tocsin.cli.deployment import Deployment
from tocsin.load.mix import made_up
from tocsin.policy.model import Policy

_SECONDS = 8.0
_BATCH_LINES = 2_000
_START_S = 20.0


def _bodies(policy: Policy, prefix: str) -> Iterator[bytes]:
    for n, body in enumerate(made_up(policy)):
        yield json.dumps(body | {"call_id": f"{prefix}-{n:07d}"}, ensure_ascii=False).encode()


@contextlib.contextmanager
def _noop() -> Iterator[int]:
    port = free_base()
    process = subprocess.Popen([sys.executable, "-m", "tocsin.bench.noop", str(port)])  # noqa: S603 - our own module
    try:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def intake_figures(deployment: Deployment, policy: Policy) -> list[Figure]:
    """Single calls a second (32 connections, each a new call of its own), and lines a second of batches.

    Intake and the broker have the machine's cores to themselves, as the goals suppose: all other services stand still.
    """
    token = deployment.tokens["commander"]
    at = urlsplit(deployment.intake)
    host, port = at.hostname or "127.0.0.1", at.port or 80
    with _noop() as peer_port:
        posts = (request_bytes("POST", "/v1/calls", host, token, b) for b in _bodies(policy, "bench-noop"))
        peer = drive("127.0.0.1", peer_port, posts, seconds=_SECONDS)
    posts = (request_bytes("POST", "/v1/calls", host, token, b) for b in _bodies(policy, "bench-one"))
    lines = _bodies(policy, "bench-batch")
    whole = (b"\n".join(itertools.islice(lines, _BATCH_LINES)) for _ in range(20))
    batches = [request_bytes("POST", "/v1/calls:batch", host, token, b, "application/x-ndjson") for b in whole]
    with alone(deployment, "intake"):
        drive(host, port, itertools.islice(posts, 1_000), seconds=_SECONDS)
        ours = drive(host, port, posts, seconds=_SECONDS)
        batch = drive(host, port, iter(batches), connections=2, seconds=60)
    note = f"answers {ours.statuses}, p50 {ours.p50_ms} ms, p99 {ours.p99_ms} ms; beside the broker alone, warm"
    return [
        figure(
            "intake: single calls", "calls/s", ours.per_second, peer=peer.per_second, peer_name="no-op endpoint",
            at_least=2_000, ratio_at_least=0.4, note=note,
        ),
        figure(
            "intake: batch", "calls/s", batch.per_second * _BATCH_LINES, at_least=15_000,
            note=f"answers {batch.statuses}, {_BATCH_LINES} lines each",
        ),
    ]  # fmt: skip
