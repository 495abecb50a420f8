"""`tocsin clock`: moves the one clock of a deployment that was started with `--clock manual`."""

from typing import Annotated

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment


def register(app: typer.Typer) -> None:
    """Adds `clock`."""

    @app.command()
    def clock(
        advance: Annotated[str, typer.Option("--advance", help="A duration, such as PT30S or P1D.")] = "",
        set_to: Annotated[str, typer.Option("--set", help="A later time, such as 2026-04-05T08:00:00+08:00.")] = "",
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Moves the clock; returns once all that is due by then has fired and is committed. Alone: shows it."""
        from tocsin.cli.advance import Mover, parse_duration_ms
        from tocsin.cli.clockfile import parse_time
        from tocsin.cli.errors import Misused
        from tocsin.cli.progress import out, steps
        from tocsin.codec.text import rfc3339
        from tocsin.runtime.clock import Clock

        if advance and set_to:
            raise Misused("--advance and --set together say two things", "Use one of them.")
        step_ms, at = parse_duration_ms(advance) if advance else 0, parse_time(set_to) if set_to else 0
        deployment = Deployment.find(data_dir)
        if advance or set_to:
            mover = Mover(deployment)
            target = at or mover.now_ms() + step_ms
            with steps() as told:
                told.say(f"moving the clock to {rfc3339(target)}")
                now = mover.move(target)
        else:
            now = Clock(deployment.clock, data_dir / "clock.json").now_ms()
        if as_json:
            out({"now": rfc3339(now)})
        else:
            print(rfc3339(now))
