"""The 120 centre's metrics: units by state, lags, dead letters."""

import asyncio
from collections import Counter
from typing import get_args

from services.ems120.index import Index
from tocsin.log.owner import Batch
from tocsin.log.owners import Owners
from tocsin.mission.state import EmsState
from tocsin.mission.values import UnitState
from tocsin.runtime.metrics import CONSUMER_LAG, DEADLETTERS, UNIT_STATE

EVERY_S = 2.0


def batch(done: Batch) -> None:
    """After each commit."""
    for stage in done.stages:
        DEADLETTERS.labels(stage).inc()


async def watch(index: Index, owners: Owners[EmsState]) -> None:
    """Every two seconds, until cancelled."""
    while True:
        count = Counter(u.state for u in index.state.units.values())
        for state in get_args(UnitState):
            UNIT_STATE.labels(state).set(count[state])
        for owner in list(owners.owned.values()):
            for lag in owner.lags():
                CONSUMER_LAG.labels(lag.topic, lag.partition).set(lag.records)
        await owners.report()
        await asyncio.sleep(EVERY_S)
