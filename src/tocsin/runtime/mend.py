"""An error that a person at a terminal can mend: what is wrong, and what to do about it."""


class Mend(Exception):
    """Shown as one line, `what; mend`, with exit code 1. Never for a fault of ours: those keep their traceback."""

    exit_code = 1

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what, self.mend = what.rstrip("."), mend

    def __str__(self) -> str:
        return f"{self.what}. {self.mend}"


class Misused(Mend):
    """An argument or option that can have no such value, whatever runs: exit code 2, as for an unknown option."""

    exit_code = 2
