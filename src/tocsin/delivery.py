"""What the notifier states on the deliveries' topic: what was sent to whom, and that it was seen. Pure."""

from typing import Literal

from tocsin.envelope import Frozen, Ms, Sealed


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


class WebhookRegistered(Frozen, frozen=True, kw_only=True):
    """An endpoint asked for events: those its agency may see (all where it has none), of these types (all where empty).

    `since` is the stream position it begins at. The secret signs what is sent (Standard Webhooks, HMAC-SHA-256).
    """

    webhook_id: str
    url: Sealed
    secret: Sealed
    agency: str = ""
    event_types: list[str] = []
    since: str = ""
    by: str = ""


class WebhookRemoved(Frozen, frozen=True, kw_only=True):
    """Nothing more is sent there. `reason`: `asked`, or `gone` where the endpoint answered 410."""

    webhook_id: str
    reason: Literal["asked", "gone"] = "asked"
    by: str = ""


class DeliveryAttempted(Frozen, frozen=True, kw_only=True):
    """An event was sent to an endpoint, or could not be. `status` is its HTTP answer, 0 where none came.

    `partition` and `next` say how far the endpoint has been served. `repeat` marks one that may have been sent before.
    """

    webhook_id: str
    cause: str
    cause_id: str
    incident_id: str = ""
    agency: str = ""
    channel: Literal["webhook"] = "webhook"
    attempt: int
    outcome: Literal["delivered", "failed", "given_up"]
    status: int = 0
    error: str = ""
    partition: int
    next: int
    repeat: bool = False


class WebhookAdvanced(Frozen, frozen=True, kw_only=True):
    """How far an endpoint has been served where nothing on the way concerned it."""

    webhook_id: str
    since: str


class WebhookFailing(Frozen, frozen=True, kw_only=True):
    """An endpoint has taken nothing for so long that a person must look at it. The next delivery ends it."""

    webhook_id: str
    agency: str = ""
    since: Ms
    attempts: int
    error: str = ""


EVENTS: tuple[type[Frozen], ...] = (
    DeliverySent, DeliveryAcknowledged, WebhookRegistered, WebhookRemoved, DeliveryAttempted, WebhookAdvanced,
    WebhookFailing,
)  # fmt: skip
