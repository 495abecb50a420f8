"""Outcomes every owner states, whatever it owns: each command leaves at least one event (invariant 2). Pure."""

from tocsin.envelope import Frozen


class CommandRefused(Frozen, frozen=True, kw_only=True):
    """A command that changed nothing, with the reason's code."""

    command: str
    target: str
    code: str
    detail: str = ""


class CommandRepeated(Frozen, frozen=True, kw_only=True):
    """A known command id came again; its first answer stands."""

    command: str
    target: str = ""


class CommandNoted(Frozen, frozen=True, kw_only=True):
    """A command was understood and had nothing to change (a probe without a match, a report of what is known)."""

    command: str
    cause: str = ""


class InputDeadLettered(Frozen, frozen=True, kw_only=True):
    """A record could not be read or made the rules fail; its bytes are among the dead letters."""

    error: str
    sha256: str = ""


class InputForwarded(Frozen, frozen=True, kw_only=True):
    """A record stood in the wrong partition and was written again to the right one."""

    command_id: str
    to_partition: int


class PolicyActivated(Frozen, frozen=True, kw_only=True):
    """Decisions of this region use this policy from here on."""

    policy: str
    former: str = ""
