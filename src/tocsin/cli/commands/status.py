"""`tocsin status`: what runs, whether it is ready, how far it is behind."""

from typing import Any

import httpx
import typer
from msgspec import Struct

from tocsin.cli.deployment import DATA_DIR, SERVICES, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend


class ServiceStatus(Struct):
    """One row. `lag` is in records, by topic; `warnings` are what is wrong although it is ready."""

    name: str
    pid: int
    url: str
    ready: bool
    reasons: list[str]
    lag: dict[str, int]
    warnings: list[str] = []
    policy: str = ""
    model: str = ""


def register(app: typer.Typer) -> None:
    """Adds `status`."""

    @app.command()
    def status(data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
        """Shows the services of a running deployment; exit code 1 where one is not ready."""
        from tocsin.cli.brokers import brokers_seen
        from tocsin.cli.progress import out

        try:
            deployment = Deployment.find(data_dir)
        except Mend:
            if as_json:  # a script that asks is told no, beside the line for people
                out({"ready": False, "data_dir": str(data_dir), "services": []})
            raise
        rows = [_row(deployment, name) for name in SERVICES]
        brokers = max(brokers_seen(deployment))
        router = next(r for r in rows if r.name == "router")
        ready = all(r.ready for r in rows) and brokers > 0
        if as_json:
            out(
                {
                    "ready": ready, "bootstrap": deployment.bootstrap, "brokers": brokers, "clock": deployment.clock,
                    "data_dir": deployment.data_dir, "services": rows,
                    "policy": router.policy, "model": router.model or None,
                }
            )  # fmt: skip
        else:
            _table(deployment, rows, brokers)
            print(f"policy {router.policy or 'unknown'}, text model {router.model or 'none: the lexicon alone'}")
            for row in rows:
                for warning in row.warnings:
                    print(f"{row.name} warns: {warning}")
        raise typer.Exit(0 if ready else 1)


def _row(deployment: Deployment, name: str) -> ServiceStatus:
    from tocsin.cli.lag import lag_of

    row = ServiceStatus(name, deployment.pids.get(name, 0), deployment.url(name), ready=False, reasons=[], lag={})
    try:
        answer = httpx.get(f"{row.url}/readyz", timeout=5)
        body: Any = answer.json()
        row.ready, row.reasons = answer.status_code == httpx.codes.OK, [str(r) for r in body.get("reasons", [])]
        row.warnings = [str(w) for w in body.get("warnings", [])]
        row.policy, row.model = str(body.get("policy") or ""), str(body.get("model") or "")
        row.lag = {t: n for t, n in lag_of(httpx.get(f"{row.url}/metrics", timeout=5).text).items() if n}
    except (httpx.HTTPError, ValueError):
        row.reasons = ["does not answer"]
    return row


def _table(deployment: Deployment, rows: list[ServiceStatus], brokers: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("service", "pid", "address", "state", "behind"):
        table.add_column(heading)
    table.add_row(
        "kafka",
        str(deployment.pids.get("broker") or "-"),
        deployment.bootstrap,
        f"{brokers} broker{'s' if brokers > 1 else ''}" if brokers else "no answer",
        "",
    )
    for r in rows:
        behind = ", ".join(f"{t} {n}" for t, n in r.lag.items()) or "-"
        table.add_row(r.name, str(r.pid or "-"), r.url, "ready" if r.ready else "; ".join(r.reasons), behind)
    Console().print(table)
