"""`python -m services.supervision`."""

import asyncio

from services.supervision.app import Supervision
from tocsin.runtime import logs
from tocsin.runtime.lifecycle import rare_collector
from tocsin.runtime.settings import Settings


async def _main(settings: Settings) -> None:
    service = Supervision(settings)
    rare_collector()
    await service.run()


if __name__ == "__main__":
    settings = Settings()
    logs.configure("supervision", form=settings.log_format, level=settings.log_level)
    asyncio.run(_main(settings))
