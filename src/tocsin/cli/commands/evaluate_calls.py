"""`tocsin evaluate-calls`: what the services would make of each call of a file, without Kafka, each by itself."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from tocsin.cli.deployment import AsJson
from tocsin.cli.errors import Mend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.enrich.enricher import TextModel
    from tocsin.policy.model import Policy


class Judged(Struct, frozen=True):
    """What became of a call: its kind, priority, the classes of agencies called, and whether a person must look."""

    call_id: str
    kind: str
    priority: int
    classes: list[str]
    human: bool
    escalated: bool


def register(app: typer.Typer) -> None:
    """Adds `evaluate-calls`."""

    @app.command("evaluate-calls")
    def evaluate_calls(
        file: Annotated[Path, typer.Argument(help="NDJSON: calls in the POST shape.")],
        policy: Annotated[Path | None, typer.Option(help="Policy directory; the sample where absent.")] = None,
        model: Annotated[
            Path | None,
            typer.Option(envvar="TOCSIN_MODEL_DIR", help="Trained model's directory; lexicon alone where absent."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Prints one JSON object a call; a line that intake would refuse is told on standard error and exits 1."""
        import msgspec

        from tocsin.cli.policies import policy_held
        from tocsin.runtime.settings import Settings
        from tocsin.text.model import open_model

        del as_json  # the result is JSON in either form
        held = policy_held(Settings(policy_dir=policy).policy_path)
        trained, fault = open_model(model, held)
        if fault:
            raise Mend(fault, "Name a directory that `tocsin train --output DIR` wrote.")
        refused = 0
        for found in judged(held, file, trained):
            if isinstance(found, Judged):
                sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
            else:
                refused += 1
                print(f"tocsin: {found}", file=sys.stderr)
        if refused:
            raise typer.Exit(1)


def judged(policy: "Policy", file: Path, model: "TextModel | None" = None) -> "Iterator[Judged | str]":
    """Each line's call judged by itself, or why it cannot be."""
    from tocsin.calls.read import InvalidBody, read_json
    from tocsin.cli.offline import OfflineCalls
    from tocsin.policy.plan import plan_for

    offline = OfflineCalls(policy, model)
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as e:
        raise Mend(f"{file} cannot be read: {e}", "Name a file of NDJSON in UTF-8.") from e
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value, _ = read_json(line)
            body = {k: v for k, v in value.items() if not k.startswith("truth_")} if isinstance(value, dict) else value
            call, u = offline.read(body, fallback_id=f"line-{n}")
        except (InvalidBody, Mend) as e:
            yield f"{file}:{n}: {' '.join(str(e).split())}"
            continue
        plan = plan_for(policy, u.kind, u.priority, call.place.region, u.raises, call.line)
        classes = list(dict.fromkeys(a.agency_class for a in plan.agencies))
        yield Judged(call.call_id, u.kind, plan.priority, [str(c) for c in classes], u.human, u.escalated)
