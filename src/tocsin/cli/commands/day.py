"""`tocsin day`: plans the seeded county day; plays it on a deployment and holds what came of it against the truth."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend, Misused

_SCENARIOS = ("county", "easy", "rush", "storm", "border")
_DAY_START_MS = 1_775_318_400_000
"""2026-04-05 00:00 in Asia/Shanghai: where planned days stand in time when they are not played."""


def register(app: typer.Typer) -> None:
    """Adds `day`."""

    @app.command()
    def day(
        scenario: Annotated[str, typer.Option(help=", ".join(_SCENARIOS))] = "county",
        seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 1,
        matters: Annotated[int, typer.Option(help="About how many matters.", min=1, max=100_000)] = 260,
        play: Annotated[bool, typer.Option("--play", help="Play it on the running deployment.")] = False,
        from_hour: Annotated[
            int, typer.Option(help="Play from this hour on; what is earlier comes last.", min=0, max=23)
        ] = 0,
        in_real_time: Annotated[
            bool, typer.Option("--in-real-time", help="Play it on a real clock too, which takes a day.")
        ] = False,
        policy: Annotated[Path | None, typer.Option(help="Policy directory; the sample where absent.")] = None,
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Prints the day's calls as NDJSON with their truth, or plays it and reports (links, classes, what is open)."""
        import msgspec

        from tocsin.cli.policies import policy_held
        from tocsin.day.generate import county_day
        from tocsin.day.ring import posted
        from tocsin.runtime.settings import Settings

        if scenario not in _SCENARIOS:
            raise Misused(f"There is no scenario {scenario!r}", f"Take one of {', '.join(_SCENARIOS)}.")
        if play:
            deployment = Deployment.find(data_dir)
            if deployment.clock == "real" and not in_real_time:
                raise Mend(
                    "This deployment's clock is real: a day on it takes a day",
                    "Start one with `up --clock manual`, or say --in-real-time.",
                )
            _play(deployment, scenario, seed, matters, from_hour, as_json=as_json)
            return
        settings = Settings(policy_dir=policy)
        for ring in county_day(policy_held(settings.policy_path), seed=seed, scenario=scenario, matters=matters):
            print(msgspec.json.encode(posted(ring, day_start_ms=_DAY_START_MS, truth=True)).decode())


def _play(deployment: Deployment, scenario: str, seed: int, matters: int, from_hour: int, *, as_json: bool) -> None:
    import msgspec
    import uvloop

    from tocsin.cli.policies import policy_held
    from tocsin.cli.progress import out, steps
    from tocsin.day.door import Door
    from tocsin.day.generate import beginning_at, county_day
    from tocsin.day.play import play_day
    from tocsin.day.report import DayReport, day_report

    settings = deployment.settings()
    policy = policy_held(settings.policy_path)
    rings = beginning_at(county_day(policy, seed=seed, scenario=scenario, matters=matters), from_hour)
    run: dict[str, Any] = msgspec.to_builtins(deployment)

    async def whole() -> DayReport:
        with steps() as told:
            made = await play_day(
                run, settings, rings, progress=lambda n, total: told.say(f"playing the day: {n} of {total} calls")
            )
            told.say("asking what became of each call")
            door = Door(run)
            try:
                return await day_report(door, policy, made)
            finally:
                await door.close()

    report = uvloop.run(whole())
    if as_json:
        out(report)
    else:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    if report.unaccounted:
        raise typer.Exit(1)
