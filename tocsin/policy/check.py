"""Judges a policy directory: everything that is wrong, each with file, line and mend. Filled in below, section by section."""

from tocsin.policy.source import Files, Finding


def check_files(files: Files) -> list[Finding]:
    """All findings of files that could be parsed."""
    return []
