"""Everything that can have happened to a mission, a unit or a hospital."""

from tocsin.envelope import Frozen
from tocsin.outcomes import CommandNoted, CommandRefused, CommandRepeated, InputDeadLettered, InputForwarded, PolicyActivated


class MissionOpened(Frozen, kw_only=True):
    """A patient needs an ambulance."""

    task_id: str
    incident_id: str


EVENTS: tuple[type[Frozen], ...] = (
    MissionOpened, CommandRefused, CommandRepeated, CommandNoted, InputDeadLettered, InputForwarded, PolicyActivated,
)  # fmt: skip
