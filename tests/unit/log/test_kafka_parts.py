"""What the Kafka clients' wrappers do where a client misbehaves."""

import asyncio

from tocsin.log.kafka import within


async def test_a_client_that_cancels_its_own_closing_cancels_nobody_else() -> None:
    """A close that ends cancelled, or in an error, lets whoever waits go on: a reader once died of it in silence."""

    async def closes(error: BaseException) -> None:
        raise error

    for error in (asyncio.CancelledError(), OSError("gone")):
        closing = asyncio.ensure_future(closes(error))
        await within(closing)
        assert closing.done()
