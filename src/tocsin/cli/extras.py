"""Requirements that only some commands need, installed when such a command is first run."""

import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from tocsin.cli.errors import Mend

_PROOF = {"train": ("sklearn",), "test": ("pytest", "xdist", "hypothesis")}


def checkout() -> Path | None:
    """The root of the checkout this runs from, or None where the package was installed from a wheel."""
    for above in Path(__file__).resolve().parents[2:4]:
        if (above / "requirements" / "install.py").is_file():
            return above
    return None


def ensure_extra(extra: Literal["train", "test"]) -> None:
    """Makes what the extra brings importable; Mend where that cannot be."""
    if all(find_spec(name) for name in _PROOF[extra]):
        return
    root = checkout()
    if root is None or sys.prefix == sys.base_prefix:
        raise Mend(f"This needs the extra {extra!r}", f"Install it: pip install 'tocsin[{extra}]'.")
    command = [sys.executable, "-I", str(root / "requirements" / "install.py"), sys.prefix, extra]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own script
        raise Mend(f"The extra {extra!r} could not be installed", "See above; then start again.")
    importlib.invalidate_caches()
