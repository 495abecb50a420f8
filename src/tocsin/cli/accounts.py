"""Whose a path is: what one account started, another may neither read nor stop."""

import os
import pwd
from pathlib import Path


def account_of(path: Path) -> str:
    """The owner's name of a path, or of the nearest folder above it that can be seen; "" where none can."""
    for at in (path, *path.absolute().parents):
        try:
            return name_of(at.stat().st_uid)
        except OSError:
            continue
    return ""


def name_of(uid: int) -> str:
    """An account's name; its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def anothers(path: Path) -> str:
    """The mend where an account may not do this with a path."""
    owner = account_of(path)
    if owner and owner != name_of(os.getuid()):
        return f"It belongs to the account {owner}: run this as {owner}, or name another path."
    return "Let this account use it, or name another path."
