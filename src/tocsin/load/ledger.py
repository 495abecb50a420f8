"""What became of each call of a load run: one line a call, times on this process's monotonic clock."""

import time
from dataclasses import dataclass, field
from typing import NamedTuple


class Percentiles(NamedTuple):
    """Milliseconds."""

    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: list[float]) -> "Percentiles":
        """Nearest-rank percentiles; zeros where there is nothing to rank."""
        if not seconds:
            return cls(0.0, 0.0, 0.0)
        ranked = sorted(seconds)

        def at(share: float) -> float:
            return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))] * 1000, 2)

        return cls(at(0.5), at(0.99), round(ranked[-1] * 1000, 2))


@dataclass(slots=True)
class Sent:
    """One call: when it was sent and when each thing about it was first seen; `records` counts its CallRecorded."""

    at: float
    acknowledged: float | None = None
    decided: float | None = None
    delivered: float | None = None
    records: int = 0
    homes: int = 0


@dataclass(slots=True)
class Ledger:
    """All calls of a run."""

    calls: dict[str, Sent] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    retries: int = 0
    started: float = field(default_factory=time.perf_counter)

    def summary(self, *, seconds: float) -> dict[str, object]:
        """The contract's object. `lost`: acknowledged and not in the log; `duplicated`: recorded or placed twice."""
        calls = self.calls.values()
        acknowledged = [c for c in calls if c.acknowledged is not None]
        return {
            "sent": len(self.calls),
            "acknowledged": len(acknowledged),
            "decided": sum(c.decided is not None for c in calls),
            "delivered": sum(c.delivered is not None for c in calls),
            "lost": sum(c.records == 0 for c in acknowledged),
            "duplicated": sum(c.records > 1 or c.homes > 1 for c in calls),
            "retries": self.retries,
            "refused": self.refused,
            "rate": round(len(acknowledged) / seconds, 1) if seconds else 0.0,
            "ack_ms": Percentiles.of([c.acknowledged - c.at for c in acknowledged if c.acknowledged])._asdict(),
            "decide_ms": Percentiles.of([c.decided - c.at for c in calls if c.decided])._asdict(),
            "deliver_ms": Percentiles.of([c.delivered - c.at for c in calls if c.delivered])._asdict(),
        }
