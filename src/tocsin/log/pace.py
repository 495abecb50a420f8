"""How many records an owner decides in one go: few enough that the process still answers its group in time."""

SLICE_S = 0.5
"""Deciding holds the event loop, and with it the heartbeats: on a machine with much else to do, a full batch after an
outage took longer than the session, the partitions went to another process, and that one fared the same."""
FIRST = 64


class Pace:
    """`limit` halves where a batch held the loop for over `SLICE_S`, and doubles where a full one took a quarter."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.limit = min(FIRST, most)

    def took(self, seconds: float, records: int) -> None:
        """A batch of so many records held the event loop for so long."""
        if seconds > SLICE_S:
            self.limit = max(1, self.limit // 2)
        elif seconds < SLICE_S / 4 and records >= self.limit:
            self.limit = min(self._most, self.limit * 2)
