"""`tocsin demo`: a whole county with a day going on in it, from one command."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.deployment import AsJson, DataDir, Deployment

_DATA_DIR = Path(".tocsin-demo")


def register(app: typer.Typer) -> None:
    """Adds `demo`."""

    @app.command()
    def demo(
        data_dir: DataDir = _DATA_DIR,
        port_base: Annotated[int, typer.Option(help="First of the ports.")] = 19000,
        policy: Annotated[Path | None, typer.Option(help="Policy directory; the sample where absent.")] = None,
        clock: Annotated[str, typer.Option(help="How fast the day passes: real, or scaled:N.")] = "scaled:60",
        nodes: Annotated[int, typer.Option(help="Kafka nodes: 1 or 3.")] = 1,
        scenario: Annotated[str, typer.Option(help="Which day is played; see `tocsin day --help`.")] = "county",
        as_json: AsJson = False,
    ) -> None:
        """Starts Kafka and every service, plays the seeded county day, and stays until Ctrl-C."""
        from tocsin.cli.plan import plan_up
        from tocsin.cli.running import run_foreground

        plan = plan_up(data_dir=data_dir, port_base=port_base, policy=policy, clock=clock, nodes=nodes, partitions=None)
        seed = _next_seed(plan.data_dir)
        day = ["day", "--play", "--in-real-time", "--data-dir", str(plan.data_dir)]
        day += ["--seed", str(seed), "--scenario", scenario]
        # A county at seven in the morning shows more than one at midnight.
        day += ["--from-hour", "7"]
        run_foreground(plan, lambda deployment: _banner(deployment, as_json=as_json), beside=[*day, "--json"])


def _next_seed(data_dir: Path) -> int:
    """Each start plays another day: the same seed again would be the same calls, which are known already."""
    file = data_dir / "demo.seed"
    seed = int(file.read_text()) + 1 if file.exists() else 1
    data_dir.mkdir(parents=True, exist_ok=True)
    file.write_text(str(seed))
    return seed


def _banner(deployment: Deployment, *, as_json: bool) -> None:
    from tocsin.cli.extras import checkout
    from tocsin.cli.progress import out

    root = checkout()
    program = "tocsin" if root is None else "./tocsin"
    token = f"{program} token --data-dir {_short(Path(deployment.data_dir))}"
    curl = (
        f'curl -sS {deployment.intake}/v1/calls -H "Authorization: Bearer $({token} call_taker)" '
        "-H 'Content-Type: application/json' "
        """-d '{"line": "119", "channel": "voice", "caller": {"number": "13800001234"}, """
        """"location": {"address": "茅草街镇新街口"}, "text": "新街口一栋楼着火了，三楼有人被困"}'"""
    )
    if as_json:
        out({
            "ready": True, "console": deployment.console, "docs": f"{deployment.intake}/docs",
            "metrics": f"{deployment.router}/metrics", "bootstrap": deployment.bootstrap,
            "sign_in": f"{token} commander", "curl": curl, "run": f"{deployment.data_dir}/run.json",
        })  # fmt: skip
        return
    rows = (
        ("Console", deployment.console),
        ("Sign in", f"with the token printed by:  {token} commander"),
        ("API docs", "  ".join(f"{deployment.url(s)}/docs" for s in ("intake", "notifier", "ems120", "supervision"))),
        ("Metrics", "  ".join(f"{deployment.url(s)}/metrics" for s in ("router", "intake"))),
        ("Kafka", deployment.bootstrap),
    )
    print("\nTocsin is up, and a made-up day in 南县 has begun.\n")
    for name, value in rows:
        print(f"  {name:<10}{value}")
    print(
        f"\nSend a call:\n\n  {curl}\n\nCtrl-C stops it; the data stays in {_short(Path(deployment.data_dir))}.",
        flush=True,
    )


def _short(path: Path) -> str:
    """As one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
