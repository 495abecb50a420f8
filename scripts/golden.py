"""Keeps tests/golden/records.json: the bytes of every command and event version ever released, and what they say.

python scripts/golden.py          add what is missing (never changes what is there)
python scripts/golden.py --check  fail where a type or version has no golden bytes (CI)
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.samples import command_of, event_of  # noqa: E402 - the path above must be set first
from tocsin.codec import registry, text, wire  # noqa: E402 - see above
from tocsin.codec.upcast import VERSIONS  # noqa: E402 - see above

FILE = ROOT / "tests" / "golden" / "records.json"


def missing(held: dict[str, Any]) -> dict[str, Any]:
    """What the present code knows and the file does not."""
    fresh: dict[str, Any] = {}
    for cls in registry.EVENTS:
        name = f"event/{cls.__name__}/v{VERSIONS.get(cls.__name__, 1)}"
        if name not in held:
            event = event_of(cls)
            fresh[name] = {"hex": wire.encode_event(event).hex(), "says": text.event_json(event)}
    for cls in registry.COMMANDS:
        name = f"command/{cls.__name__}/v{VERSIONS.get(cls.__name__, 1)}"
        if name not in held:
            command = command_of(cls)
            fresh[name] = {"hex": wire.encode_command(command).hex(), "says": text.command_json(command)}
    return fresh


if __name__ == "__main__":
    records: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
    new = missing(records)
    if "--check" in sys.argv:
        if new:
            raise SystemExit(
                f"no golden bytes for {', '.join(sorted(new))}; run `python scripts/golden.py` and commit it"
            )
    else:
        lines = (f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in sorted((records | new).items()))
        FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
