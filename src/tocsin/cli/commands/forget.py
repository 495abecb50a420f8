"""`tocsin forget`: destroys the key of a person's words, so that nothing sealed under it opens again."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir
from tocsin.cli.errors import Mend

if TYPE_CHECKING:
    from tocsin.sealing import Keyring

AUDIT_FILE = "forgotten.ndjson"


def register(app: typer.Typer) -> None:
    """Adds `forget`."""

    @app.command()
    def forget(
        who: Annotated[
            str, typer.Argument(metavar="NUMBER|SUBJECT", help="A telephone number, a call id or a subject.")
        ],
        reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit file.")] = "",
        yes: Annotated[bool, typer.Option("--yes", help="Does not ask.")] = False,
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Forgets a person: destroys their key. The log, its chain and its replay stay as they are."""
        from tocsin.cli.progress import out
        from tocsin.runtime.settings import Settings
        from tocsin.sealing import Keyring

        settings = Settings(data_dir=data_dir)
        if not settings.keys_url and not (settings.secrets_dir / "keys.db").exists():
            raise Mend(
                f"There are no keys under {data_dir}", "Name the deployment with --data-dir, or TOCSIN_KEYS_URL."
            )
        if not yes and (as_json or not sys.stdin.isatty()):
            raise Mend("Destroying a key cannot be undone, and nobody is here to ask", "Add --yes.")
        if not yes:
            typer.confirm(f"Destroy the key of {who}? What is sealed under it can never be read again", abort=True)
        keyring = Keyring.open(settings)
        try:
            subject = subject_of(who, keyring)
            found = keyring.destroy(subject)
        finally:
            keyring.close()
        note(data_dir / AUDIT_FILE, subject, reason, found=found)
        if as_json:
            out({"subject": subject, "destroyed": found})
        elif found:
            typer.echo(f"destroyed: {subject}")
        if not found:
            mend = "Give the telephone number where the call carried one, else the call id."
            raise Mend(f"There was no key for {who}", mend)


def subject_of(who: str, keyring: "Keyring") -> str:
    """The key's subject: a number's keyed token, anything else as it is."""
    from tocsin.calls.numbers import normal_number

    bare = who.replace(" ", "").replace("-", "").removeprefix("+")
    if not bare.isdigit():
        return who
    return keyring.token("number", normal_number(who))


def note(file: Path, subject: str, reason: str, *, found: bool) -> None:
    """Leaves a line for the audit: when, by whom on this machine, which subject. Synced."""
    import getpass
    import os
    from datetime import UTC, datetime

    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"), "by": getpass.getuser(), "subject": subject,
        "destroyed": found, "reason": reason,
    }  # fmt: skip
    with file.open("a") as f:
        f.write(json.dumps(line, ensure_ascii=False) + "\n")
        f.flush()
        os.fsync(f.fileno())
