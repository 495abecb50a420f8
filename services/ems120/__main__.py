"""`python -m services.ems120`: the 120 centre, all settings from the environment."""

import sys

import structlog
import uvloop

from services.ems120.app import run
from tocsin.log.port import Fenced
from tocsin.runtime.lifecycle import quiet_collector
from tocsin.runtime.logs import configure
from tocsin.runtime.settings import Settings

FENCED_EXIT = 75
"""sysexits' EX_TEMPFAIL: whoever supervises the process may start it again at once."""


def main() -> None:
    """Decides until SIGTERM."""
    quiet_collector()
    settings = Settings()
    configure("ems120", form=settings.log_format, level=settings.log_level)
    try:
        uvloop.run(run(settings))
    except Fenced as e:
        structlog.get_logger().error("fenced_exit", error=str(e))
        sys.exit(FENCED_EXIT)


if __name__ == "__main__":
    main()
