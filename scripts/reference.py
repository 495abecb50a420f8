"""Writes docs/{topics,metrics,settings}.md from the code; with --check, says which of them are out of date.

usage: python scripts/reference.py [--check]
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from tocsin.log.topics import DAY_MS, FOREVER, TOPICS, Topic
from tocsin.runtime import metrics
from tocsin.runtime.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
_MADE = "<!-- Made by scripts/reference.py from the code; a test compares. Change the code, then run it. -->\n\n"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines: list[tuple[str, ...]] = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(c.replace("|", r"\|") for c in line) + " |\n" for line in lines)


def topics() -> str:
    """The topics with their settings, on one node and on three."""

    def row(t: Topic) -> tuple[str, ...]:
        kept = "for ever" if t.retention_ms == FOREVER else f"{t.retention_ms // DAY_MS} days"
        one, three = t.config(replicas=1), t.config(replicas=3)
        return (
            f"`{t.name}`", t.meaning, "as regions" if t.partitions == "regions" else str(t.partitions), kept,
            one["message.timestamp.type"], one.get("flush.messages", "–"), three["min.insync.replicas"],
        )  # fmt: skip

    rest = {
        k: v for k, v in TOPICS[0].config(replicas=1).items() if all(t.config(replicas=1).get(k) == v for t in TOPICS)
    }
    return (
        f"# Topics\n\n{_MADE}"
        'Partitions "as regions" is the setting `TOCSIN_PARTITIONS`; it is never raised in place. Three nodes keep\n'
        "three replicas. `tocsin up` makes missing topics, `tocsin doctor` compares those that are there.\n\n"
        + table(("topic", "holds", "partitions", "kept", "time", "flush.messages (one node)", "min ISR (three)"),
                [row(t) for t in TOPICS])
        + "\nThe same for all:\n\n" + table(("setting", "value"), [(f"`{k}`", v) for k, v in sorted(rest.items())])
    )  # fmt: skip


def known_metrics() -> dict[str, MetricWrapperBase]:
    """Every metric of the list, by the name Prometheus shows."""
    found = (v for v in vars(metrics).values() if isinstance(v, MetricWrapperBase))
    return {m._name + ("_total" if m._type == "counter" else ""): m for m in found}  # noqa: SLF001 - no public reading


def metrics_page() -> str:
    """The metrics with their labels."""
    rows = [
        (f"`{name}`", str(m._type), ", ".join(f"`{label}`" for label in m._labelnames) or "–", m._documentation)  # noqa: SLF001
        for name, m in known_metrics().items()
    ]
    return (
        f"# Metrics\n\n{_MADE}"
        "Every service shows its own on `/metrics`. No label holds a person, a call or an incident. The alerts over\n"
        "them are in `deploy/prometheus/alerts.yml`.\n\n" + table(("metric", "type", "labels", "meaning"), rows)
    )


def settings_page() -> str:
    """The settings, all from the environment."""
    rows = [
        (f"`TOCSIN_{name.upper()}`", "–" if f.default in {None, ""} else f"`{f.default}`", f.description or "")
        for name, f in Settings.model_fields.items()
    ]
    return (
        f"# Settings\n\n{_MADE}"
        "All services read the same settings from the environment, each what it needs. The defaults are those of one\n"
        "machine on loopback.\n\n" + table(("variable", "default", "meaning"), rows)
    )


PAGES = {"topics.md": topics, "metrics.md": metrics_page, "settings.md": settings_page}


def main() -> int:
    """Writes, or compares."""
    stale = [name for name, page in PAGES.items() if _is_stale(ROOT / "docs" / name, page())]
    if "--check" in sys.argv[1:]:
        print("\n".join(f"docs/{name} is out of date: run scripts/reference.py" for name in stale) or "up to date")
        return 1 if stale else 0
    for name in stale:
        (ROOT / "docs" / name).write_text(PAGES[name]())
        print(f"wrote docs/{name}")
    return 0


def _is_stale(file: Path, text: str) -> bool:
    return not file.exists() or file.read_text() != text


if __name__ == "__main__":
    raise SystemExit(main())
