"""`python -m services.intake`."""

import asyncio
import gc
import sys

import uvloop

from services.intake.app import build, running
from services.intake.finder import StandingFinder
from tocsin import __version__
from tocsin.enrich import Enricher
from tocsin.policy.standing import Standing
from tocsin.runtime.logs import configure
from tocsin.runtime.mend import Mend
from tocsin.runtime.settings import Settings
from tocsin.runtime.web import serve
from tocsin.sealing import Keyring


async def run(settings: Settings) -> None:
    """Serves until told to stop."""
    standing, tokens = Standing(settings, __version__), Keyring.open(settings)
    finder = StandingFinder(standing.present, lambda policy: Enricher(policy, tokens=tokens.token))
    parts = build(settings, finder, standing.present)
    standing.followers += [finder.follow, parts.sights.follow]
    gc.collect()
    gc.freeze()
    stop = asyncio.Event()
    async with running(parts, standing.run(), stop=stop):
        await serve(parts.app, host=settings.host, port=settings.port, stop=stop)
    tokens.close()


def main() -> int:
    """The process: exit 1 with one line where it cannot start."""
    # What stays is made at the start, what comes with a call goes with it: the collector finds next to nothing.
    gc.set_threshold(50_000, 20, 100)
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
