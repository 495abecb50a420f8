"""`python -m services.notifier`: one replica, all settings from the environment."""

import uvloop

from services.notifier.app import build
from tocsin.runtime.lifecycle import rare_collector
from tocsin.runtime.logs import configure
from tocsin.runtime.settings import Settings
from tocsin.runtime.web import serve


async def main() -> None:
    """Serves until SIGTERM."""
    settings = Settings()
    configure("notifier", form=settings.log_format, level=settings.log_level)
    app, notifier = build(settings)
    rare_collector()
    await serve(app, host=settings.host, port=settings.port, stop=notifier.stop)


if __name__ == "__main__":
    uvloop.run(main())
