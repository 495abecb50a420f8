"""`tocsin up`: a broker and every service on loopback."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment


def register(app: typer.Typer) -> None:
    """Adds `up`."""

    @app.command()
    def up(
        data_dir: DataDir = DATA_DIR,
        port_base: Annotated[int, typer.Option(help="First of the ports; see the table in the docs.")] = 19000,
        policy: Annotated[Path | None, typer.Option(help="Policy directory; the sample where absent.")] = None,
        model: Annotated[
            Path | None,
            typer.Option(envvar="TOCSIN_MODEL_DIR", help="Trained text model's directory; lexicon alone where absent."),
        ] = None,
        clock: Annotated[str, typer.Option(help="real, manual, or scaled:N.")] = "real",
        clock_start: Annotated[str, typer.Option(help="Where a fresh manual or scaled clock begins (RFC 3339).")] = "",
        nodes: Annotated[int, typer.Option(help="Kafka nodes: 1 or 3.")] = 1,
        partitions: Annotated[int | None, typer.Option(help="Region partitions of a new deployment.")] = None,
        detach: Annotated[bool, typer.Option("--detach", help="Return once it is ready; stop it with `down`.")] = False,
        as_json: AsJson = False,
        plan: Annotated[str, typer.Option(hidden=True)] = "",
        report_fd: Annotated[int, typer.Option(hidden=True)] = -1,
    ) -> None:
        """Starts Kafka and every service, and stays until Ctrl-C (or returns when ready, with --detach)."""
        from tocsin.cli.plan import UpPlan, plan_up
        from tocsin.cli.running import run_detached, run_foreground, run_reporting

        if plan:
            run_reporting(UpPlan.from_text(plan), report_fd)
            return
        asked = plan_up(
            data_dir=data_dir, port_base=port_base, policy=policy, clock=clock, nodes=nodes, partitions=partitions,
            clock_start=clock_start, model=model,
        )  # fmt: skip

        def ready(deployment: Deployment) -> None:
            _show(deployment, as_json=as_json, stays=not detach)

        if detach:
            ready(run_detached(asked))
        else:
            run_foreground(asked, ready)


def _show(deployment: Deployment, *, as_json: bool, stays: bool) -> None:
    from tocsin.cli.progress import out

    if deployment.model_fault:
        print(f"tocsin: {deployment.model_fault}.", file=sys.stderr)
    if as_json:
        out(deployment)
        return
    for name in ("console", "intake", "ems120", "supervision"):
        print(f"{name:<12}{deployment.url(name)}")
    print(f"{'kafka':<12}{deployment.bootstrap}")
    if deployment.model:
        print(f"{'text model':<12}{deployment.model} in {deployment.model_dir}")
    print("Ctrl-C stops it." if stays else f"Stop it with: tocsin down --data-dir {deployment.data_dir}")
