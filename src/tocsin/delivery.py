"""What the notifier states on the deliveries' topic: what was sent to whom, and that it was seen. Pure."""

from typing import Literal

from tocsin.envelope import Frozen, Ms


class DeliverySent(Frozen, frozen=True, kw_only=True):
    """An order or an alert went out to an agency. `cause_id` is the event that caused it, `recorded_at` that event's.

    `receivers` counts the agency's open screens at that moment (0: nobody looked). `repeat` marks a delivery that may
    have been made before: no second sending is ever unmarked.
    """

    task_id: str
    incident_id: str
    agency: str
    cause: str
    cause_id: str
    action: Literal["route", "update", "withdraw"]
    channel: Literal["stream", "webhook"] = "stream"
    receivers: int = 0
    recorded_at: Ms
    repeat: bool = False


class DeliveryAcknowledged(Frozen, frozen=True, kw_only=True):
    """The agency saw its task."""

    task_id: str
    incident_id: str
    agency: str
    cause_id: str
    by: str = ""


EVENTS: tuple[type[Frozen], ...] = (DeliverySent, DeliveryAcknowledged)
