"""Who decides on a cluster that exists already: a second deployment on the same topics must not come up beside it."""

import asyncio
import re
import time
from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tocsin.broker.topics import admin_of
from tocsin.log.membership import SESSION_MS
from tocsin.runtime.mend import Mend
from tocsin.runtime.settings import Settings

_OWNERS = re.compile(r"tocsin(-.+)?-(router|ems120)")
"""The groups of those that decide, of a deployment of any instance."""
PATIENCE_S = SESSION_MS / 1000 + 4
"""A deployment that was stopped or killed is still listed for a session's length."""
_PAUSE_S = 0.5


async def await_nobody_decides(settings: Settings, *, patience_s: float = PATIENCE_S) -> None:
    """Returns once no group of owners has a member; Mend where one still has after `patience_s`."""
    admin = await admin_of(settings)
    until = time.monotonic() + patience_s
    try:
        while found := await _deciding(admin):
            if time.monotonic() > until:
                raise Mend(
                    f"On the cluster at {settings.kafka_bootstrap} another deployment decides ({', '.join(found)})",
                    "Stop it first, or use another cluster: one deployment decides on a cluster, or calls would be "
                    "fought over.",
                )
            await asyncio.sleep(_PAUSE_S)
    except KafkaError as e:
        raise Mend(
            f"The consumer groups of {settings.kafka_bootstrap} cannot be listed ({e!r})",
            "See whether the cluster is well, and whether this user may describe groups.",
        ) from e
    finally:
        await admin.close()


async def _deciding(admin: AIOKafkaAdminClient) -> Sequence[str]:
    groups = sorted(name for name, *_ in await admin.list_consumer_groups() if _OWNERS.fullmatch(name))
    return [name for name in groups if await _has_members(admin, name)]


async def _has_members(admin: AIOKafkaAdminClient, name: str) -> bool:
    # One group a request: aiokafka 0.14.0 reads an answer about two with the layout of an older version.
    [answer] = await admin.describe_consumer_groups([name])
    return any(members for _, _, _, _, _, members, *_ in answer.groups)
