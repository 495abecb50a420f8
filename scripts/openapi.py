"""Writes docs/openapi/<service>.json: the OpenAPI 3.1 document each service serves, from the code itself.

python scripts/openapi.py          write
python scripts/openapi.py --check  fail where a written document is out of step (CI)
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]
TARGET = ROOT / "docs" / "openapi"


def documents() -> dict[str, dict[str, Any]]:
    """Each service's document. Nothing is connected to: the apps are made, not run."""
    from services.ems120.app import Ems  # noqa: PLC0415 - the paths and settings above must be set first
    from services.intake.app import build as intake  # noqa: PLC0415 - see above
    from services.notifier.app import build as notifier  # noqa: PLC0415 - see above
    from services.router.app import Router  # noqa: PLC0415 - see above
    from services.supervision.app import Supervision  # noqa: PLC0415 - see above
    from tocsin.enrich.enricher import Enricher  # noqa: PLC0415 - see above
    from tocsin.policy.load import load_policy  # noqa: PLC0415 - see above
    from tocsin.runtime.settings import Settings  # noqa: PLC0415 - see above

    async def made(settings: Settings) -> dict[str, dict[str, Any]]:
        policy = load_policy(settings.policy_path)
        return {
            "ems120": Ems(settings).app(asyncio.Event()).openapi(),
            "intake": intake(settings, Enricher(policy, tokens=lambda _, text: text), policy).app.openapi(),
            "notifier": notifier(settings)[0].openapi(),
            "router": Router(settings).app().openapi(),
            "supervision": Supervision(settings).http().openapi(),
        }

    with tempfile.TemporaryDirectory() as data_dir:
        return asyncio.run(made(Settings(data_dir=Path(data_dir), policy_dir=ROOT / "policy" / "nanxian")))


def main() -> int:
    """Writes, or compares."""
    pages = {
        TARGET / f"{service}.json": json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        for service, document in sorted(documents().items())
    }
    stale = [file for file, text in pages.items() if not file.exists() or file.read_text() != text]
    if "--check" in sys.argv[1:]:
        names = "\n".join(f"{file.relative_to(ROOT)} is out of date: run scripts/openapi.py" for file in stale)
        print(names or "up to date")
        return 1 if stale else 0
    TARGET.mkdir(parents=True, exist_ok=True)
    for file in stale:
        file.write_text(pages[file])
        print(f"wrote {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
