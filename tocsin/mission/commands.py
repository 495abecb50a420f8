"""The commands of the 120 centre: on missions, units and hospitals. Names are unique in the whole wire package."""

from tocsin.envelope import Frozen, Lane, Ms, Sealed
from tocsin.incident.commands import Act, ActivatePolicy
from tocsin.place import Place

# The kept classes are added by the mission package's own work; OpenMission shows the form.


class OpenMission(Act, kw_only=True, tag="open_mission"):
    """A medical task came by relay: patients need an ambulance. One mission a patient."""

    task_id: str
    incident_id: str
    kind: str
    priority: int
    place: Place
    address: Sealed = ""
    victims: int | None = None
    raises: list[str] = []
    call_ids: list[str] = []
    routed_at: Ms = 0
    lane: Lane = "urgent"


__all__ = ["COMMANDS", "Act", "ActivatePolicy", "Frozen", "OpenMission"]
COMMANDS = (OpenMission, ActivatePolicy)
