"""The published AsyncAPI document is the code's own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_asyncapi_document_is_in_step() -> None:
    """docs/asyncapi.json says what the topics and types are now."""
    check = [sys.executable, str(ROOT / "scripts" / "asyncapi.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
