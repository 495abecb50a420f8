"""Writes deploy/k8s/topics.yaml, a Strimzi KafkaTopic for each topic of the code; with --check, compares.

usage: python scripts/k8s_topics.py [--check]
"""

import sys
from pathlib import Path

from tocsin.log.topics import TOPICS
from tocsin.runtime.settings import Settings

FILE = Path(__file__).resolve().parent.parent / "deploy" / "k8s" / "topics.yaml"
REPLICAS = 3
PARTITIONS = int(Settings.model_fields["partitions"].default)


def document() -> str:
    """All topics with their settings on three nodes."""
    head = "# Made by scripts/k8s_topics.py from tocsin/log/topics.py; a test compares. Partitions are never raised.\n"
    return head + "---\n".join(_topic(t.name, _partitions(t.partitions), t.config(replicas=REPLICAS)) for t in TOPICS)


def _partitions(declared: str | int) -> int:
    return declared if isinstance(declared, int) else PARTITIONS


def _topic(name: str, partitions: int, config: dict[str, str]) -> str:
    lines = [
        "apiVersion: kafka.strimzi.io/v1", "kind: KafkaTopic", "metadata:", f"  name: {name}",
        "  labels: {strimzi.io/cluster: tocsin}", "spec:", f"  partitions: {partitions}", f"  replicas: {REPLICAS}",
        "  config:", *(f'    {k}: "{v}"' for k, v in sorted(config.items())),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> int:
    """Writes, or compares."""
    if "--check" in sys.argv[1:]:
        fresh = FILE.exists() and FILE.read_text() == document()
        print("up to date" if fresh else "deploy/k8s/topics.yaml is out of date: run scripts/k8s_topics.py")
        return 0 if fresh else 1
    FILE.write_text(document())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
