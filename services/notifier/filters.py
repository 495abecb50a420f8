"""The filters of lists and streams: one value, matched in Python against an event and in SQL against a row."""

from typing import Annotated, Literal

from fastapi import Query

from tocsin.envelope import Frozen

StateName = Literal["open", "closed", "merged"]
ClassName = Literal["police", "fire", "traffic", "medical", "department"]


class Filter(Frozen, frozen=True, kw_only=True):
    """What one asked for; None asks for all."""

    agency: str | None = None
    agency_class: str | None = None
    region: str | None = None
    state: str | None = None
    priority: int | None = None
    exercise: bool | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys an incident must carry."""
        agency = (f"agency:{self.agency}",) if self.agency else ()
        return (*agency, f"class:{self.agency_class}") if self.agency_class else agency


class Standing(Frozen, frozen=True):
    """What changes about an incident that a filter asks for."""

    state: str
    priority: int


def asked(
    agency: Annotated[str | None, Query(max_length=64)] = None,
    agency_class: Annotated[ClassName | None, Query()] = None,
    region: Annotated[str | None, Query(max_length=12)] = None,
    state: Annotated[StateName | None, Query()] = None,
    priority: Annotated[int | None, Query(ge=1, le=4)] = None,
    exercise: Annotated[bool | None, Query()] = None,
) -> Filter:
    """FastAPI dependency: the filters of a query string."""
    return Filter(
        agency=agency or None,
        agency_class=agency_class,
        region=region or None,
        state=state,
        priority=priority,
        exercise=exercise,
    )


def matches(
    want: Filter, *, region: str, exercise: bool, keys: frozenset[str], standings: tuple[Standing, ...]
) -> bool:
    """Whether an event concerns what was asked for, before it or after: what leaves a list is heard of too."""
    if want.region is not None and want.region != region:
        return False
    if want.exercise is not None and want.exercise != exercise:
        return False
    if any(key not in keys for key in want.keys):
        return False
    if want.state is None and want.priority is None:
        return True
    return any(
        (want.state is None or s.state == want.state) and (want.priority is None or s.priority == want.priority)
        for s in standings
    )
