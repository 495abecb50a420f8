"""`tocsin evaluate-links`: calls with their truth through the very rules of the router, without Kafka."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.cli.deployment import AsJson
from tocsin.cli.errors import Mend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.day.report import LinkScore
    from tocsin.policy.model import Policy


def register(app: typer.Typer) -> None:
    """Adds `evaluate-links`."""

    @app.command("evaluate-links")
    def evaluate_links(
        file: Annotated[Path, typer.Argument(help="NDJSON: calls in the POST shape, each with truth_incident.")],
        policy: Annotated[Path | None, typer.Option(help="Policy directory; the sample where absent.")] = None,
        wrong: Annotated[bool, typer.Option("--wrong", help="List what was joined or parted wrongly.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Links calls offline and prints pairwise precision, recall, F1 and the wrong-merge rate."""
        import msgspec

        from tocsin.cli.policies import policy_held
        from tocsin.day.report import link_score
        from tocsin.runtime.settings import Settings

        settings = Settings(policy_dir=policy)
        found, truth = linked(policy_held(settings.policy_path), read(file))
        if not truth:
            raise Mend(f"{file} holds no calls", "Give NDJSON with a call a line, each with truth_incident.")
        score = link_score(found, truth)
        if wrong and not as_json:
            for line in mistakes(found, truth):
                print(line)
        if as_json:
            print(msgspec.json.encode(shown(score)).decode())
        else:
            for name, value in shown(score).items():
                print(f"{name:17} {value if name == 'n' else f'{value:.4f}'}")


def shown(score: "LinkScore") -> dict[str, float]:
    """The score under the contract's names."""
    return {
        "n": score.n,
        "precision": score.precision,
        "recall": score.recall,
        "f1": score.f1,
        "wrong_merge_rate": score.wrong_merge_rate,
    }


def read(file: Path) -> "Iterator[tuple[str, dict[str, Any]]]":
    """(truth, call) of each line; Mend names the line that cannot be read."""
    import msgspec

    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise Mend(f"{file} cannot be read: {e}", "Name a file of NDJSON in UTF-8.") from e
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = msgspec.json.decode(line)
        except msgspec.DecodeError as e:
            raise Mend(f"{file}:{n}: not JSON: {e}", "One call a line, in the shape of POST /v1/calls.") from e
        if not isinstance(value, dict) or not str(value.get("truth_incident") or ""):
            raise Mend(f"{file}:{n}: no truth_incident", "Say in each line which matter the call is about.")
        truth = str(value["truth_incident"])
        yield truth, {k: v for k, v in value.items() if not k.startswith("truth_")}


def linked(policy: "Policy", calls: "Iterator[tuple[str, dict[str, Any]]]") -> tuple[dict[str, str], dict[str, str]]:
    """(call → incident, call → truth), by the rules of the router on one state, in the order of the calls' times."""
    from tocsin.cli.offline import OfflineCalls
    from tocsin.incident.ledger import Ledger

    offline, ledger = OfflineCalls(policy), Ledger()
    read_calls = []
    truth: dict[str, str] = {}
    for n, (matter, value) in enumerate(calls, 1):
        call, u = offline.read(value, fallback_id=f"line-{n}")
        truth[call.call_id] = matter
        read_calls.append((offline.moment(call), call, u))
    read_calls.sort(key=lambda c: (c[0], c[1].call_id))
    found: dict[str, str] = {}
    for at, call, u in read_calls:
        found[call.call_id] = ledger.record(call, u, policy, at)
    return found, truth


def mistakes(found: dict[str, str], truth: dict[str, str]) -> list[str]:
    """One line for each incident that holds calls of several matters, and each matter that stands in several."""
    lines = []
    for title, one, other in (("joined wrongly", found, truth), ("parted wrongly", truth, found)):
        groups: dict[str, dict[str, list[str]]] = {}
        for call in found:
            groups.setdefault(one[call], {}).setdefault(other[call], []).append(call)
        lines += [
            f"{title}: {g}: {'; '.join(f'{k} ({len(v)}: {v[0]})' for k, v in m.items())}"
            for g, m in groups.items()
            if len(m) > 1
        ]
    return lines
