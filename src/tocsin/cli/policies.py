"""The policy a command was given: held, or one line that says what is wrong with it."""

from pathlib import Path

from tocsin.cli.errors import Mend
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.policy.source import PolicyInvalid


def policy_held(directory: Path) -> Policy:
    """The policy of a directory. Mend where it is none, or holds faults: how many, and the first of them."""
    if not directory.is_dir():
        raise Mend(f"{directory} is no directory", "Name a policy directory; `tocsin policy copy DIR` makes one.")
    try:
        return load_policy(directory)
    except PolicyInvalid as e:
        count = f"{len(e.findings)} finding{'s' if len(e.findings) > 1 else ''}"
        raise Mend(
            f"The policy {directory} does not hold, {count}, the first: {e.findings[0]}",
            f"`tocsin policy check {directory}` shows all of it.",
        ) from e
