"""The published OpenAPI documents are the services' own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_openapi_documents_are_in_step() -> None:
    """docs/openapi/<service>.json is what each service serves at /openapi.json."""
    check = [sys.executable, str(ROOT / "scripts" / "openapi.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
