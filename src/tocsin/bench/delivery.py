"""From a POST to a subscriber's receipt, through the whole deployment."""

import secrets

from tocsin.bench.figure import Figure, figure
from tocsin.cli.deployment import Deployment
from tocsin.load.mix import made_up
from tocsin.load.run import Load, Target
from tocsin.policy.model import Policy

_RATE, _SECONDS, _WARM_S = 200.0, 15.0, 20.0
_P50_MS, _P99_MS = 30.0, 150.0


async def delivery_figures(deployment: Deployment, policy: Policy) -> list[Figure]:
    """Open loop at 200 calls a second for 15 s, warm: milliseconds until the stream shows each call."""
    target = Target(deployment.intake, deployment.notifier, deployment.tokens["commander"])
    run = Load(target, deployment.settings(), prefix=f"bench-{secrets.token_hex(3)}")
    # A service that has run for a while is what is measured: the broker's just-in-time compiler works for some 3,000
    # calls, and takes a core while it does.
    await run.run(made_up(policy), rate=_RATE, seconds=_WARM_S)
    run = Load(target, deployment.settings(), prefix=f"bench-{secrets.token_hex(3)}")
    summary = await run.run(made_up(policy), rate=_RATE, seconds=_SECONDS)
    deliver = summary["deliver_ms"]
    assert isinstance(deliver, dict)  # noqa: S101 - the ledger's own shape
    counts = f"sent {summary['sent']}, delivered {summary['delivered']}, lost {summary['lost']}"
    name = f"POST to subscriber at {_RATE:g}/s"
    return [
        figure(f"{name}, p50", "ms", deliver["p50"], peer=_P50_MS, peer_name="limit", at_most=_P50_MS, note=counts),
        figure(f"{name}, p99", "ms", deliver["p99"], peer=_P99_MS, peer_name="limit", at_most=_P99_MS, note=counts),
    ]
