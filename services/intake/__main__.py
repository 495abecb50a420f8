"""`python -m services.intake`."""

import asyncio
import sys

import uvloop

from services.intake.app import build, running
from services.intake.finder import StandingFinder
from tocsin import __version__
from tocsin.enrich import Enricher
from tocsin.policy.standing import Standing
from tocsin.runtime.lifecycle import rare_collector
from tocsin.runtime.logs import configure
from tocsin.runtime.mend import Mend
from tocsin.runtime.settings import Settings
from tocsin.runtime.web import serve
from tocsin.sealing import Keyring


async def run(settings: Settings) -> None:
    """Serves until told to stop."""
    standing, tokens = Standing(settings, __version__), Keyring.open(settings)
    finder = StandingFinder(standing.present, lambda policy: Enricher(policy, tokens=tokens.token))
    parts = build(settings, finder, standing.present, [standing.warning])
    standing.followers += [finder.follow, parts.sights.follow]
    rare_collector()
    stop = asyncio.Event()
    async with running(parts, standing.run(), stop=stop):
        await serve(parts.app, host=settings.host, port=settings.port, stop=stop)
    tokens.close()


def main() -> int:
    """The process: exit 1 with one line where it cannot start."""
    settings = Settings()
    configure("intake", form=settings.log_format, level=settings.log_level)
    try:
        uvloop.run(run(settings))
    except Mend as e:
        sys.stderr.write(f"{e}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
