"""`tocsin policy check|copy|activate`: a county's rules as a directory of files."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="A policy directory.")]


IN_FORCE_SECONDS_MAX = 10.0
IN_FORCE_PAUSE_S = 0.1


def register(app: typer.Typer) -> None:
    """Adds `policy`."""
    policy = typer.Typer(help="Checks, copies and puts in force a policy directory.", no_args_is_help=True)
    app.add_typer(policy, name="policy")
    policy.command()(check)
    policy.command()(copy)
    policy.command()(activate)


def check(directory: Directory, as_json: AsJson = False) -> None:
    """Says everything that is wrong with a directory, with file, line and mend; exit code 1 where anything is."""
    from tocsin.cli.progress import out
    from tocsin.policy.load import check_policy
    from tocsin.policy.source import policy_hash

    found_there(directory)
    findings = check_policy(directory)
    if as_json:
        shown = [f._asdict() for f in findings]
        out({"ok": not findings, "hash": policy_hash(directory), "findings": shown})
    else:
        for f in findings:
            print(f)
        if findings:
            print(f"{directory}: {len(findings)} finding{'s' if len(findings) > 1 else ''}; it is refused as a whole")
        if not findings:
            print(f"{directory}: holds, {policy_hash(directory)}")
    raise typer.Exit(1 if findings else 0)


def copy(directory: Directory, as_json: AsJson = False) -> None:
    """Writes out the sample policy to start from; never over what is there."""
    import shutil

    from tocsin.cli.progress import out
    from tocsin.policy.source import FILES
    from tocsin.runtime.settings import Settings

    sample = Settings(policy_dir=None).policy_path
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise Mend(f"{directory} is not empty", "Name a directory that does not exist yet.")
    names = [n for n in (*FILES, "README.md") if (sample / n).is_file()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copyfile(sample / name, directory / name)
    except OSError as e:
        raise Mend(f"{directory} cannot be written: {e}", "Name another directory.") from e
    if as_json:
        out({"directory": str(directory), "files": names})
    else:
        print(f"{directory}: {len(names)} files; change them, then `tocsin policy check {directory}`")


def activate(directory: Directory, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Puts a checked directory in force in the running deployment, for later decisions only.

    The directory is kept by its hash under `policies` in the data directory: to go back, activate that one again.
    """
    import asyncio

    from tocsin.cli.policies import policy_held
    from tocsin.cli.progress import out, steps
    from tocsin.log.port import LogUnavailable
    from tocsin.policy.activate import Active, keep_policy, mark_active
    from tocsin.policy.activate import activate as ask
    from tocsin.policy.source import policy_hash

    found_there(directory)
    deployment = Deployment.find(data_dir)
    policy = policy_held(directory)
    settings = deployment.settings()
    try:
        kept = keep_policy(directory, policy, settings.data_dir)
        asked = asyncio.run(ask(policy, settings))
        with steps() as told:
            told.say("waiting for every region to go by it")
            waiting, refused = _outcomes(deployment, asked)
        if not refused:
            over = policy_hash(settings.policy_path)
            mark_active(settings.data_dir / "policies", Active(policy=policy.hash, over=over))
    except LogUnavailable as e:
        raise Mend(f"The log does not answer: {e}", "Look at `tocsin status`, then try again.") from e
    except OSError as e:
        raise Mend(f"The policy could not be kept: {e}", "See whether the data directory can be written.") from e
    if refused:
        raise Mend(
            f"{policy.hash} is not in force in {', '.join(refused)}: its router has no copy of it",
            "Run this where the routers keep their data directory, or roll the policy out with the settings.",
        )
    if waiting:
        raise Mend(
            f"{policy.hash} is asked for, and not in force yet in {', '.join(waiting)}",
            "It will be once the router decides again: look at `tocsin status`.",
        )
    if as_json:
        out({"policy": policy.hash, "regions": len(asked), "kept": str(kept), "in_force": True})
    else:
        print(f"{policy.hash} is in force in {len(asked)} regions, kept in {kept}")


def _outcomes(deployment: Deployment, asked: list[str]) -> tuple[list[str], list[str]]:
    """The regions that have not decided within ten seconds, and those that refused."""
    import time

    import httpx

    until = time.monotonic() + IN_FORCE_SECONDS_MAX
    waiting, refused = list(asked), []
    with deployment.client("intake", seconds=IN_FORCE_SECONDS_MAX) as http:
        while waiting and time.monotonic() < until:
            try:
                answer = http.get(f"/v1/commands/{waiting[0]}", params={"wait": 2})
            except httpx.HTTPError:
                break
            outcome = answer.json()["outcome"] if answer.is_success else "pending"
            if outcome != "pending":
                decided = waiting.pop(0)
                refused += [decided] if outcome == "refused" else []
            elif not answer.is_success:
                time.sleep(IN_FORCE_PAUSE_S)
    regions = [[command_id.split(":")[1] for command_id in ids] for ids in (waiting, refused)]
    return regions[0], regions[1]


def found_there(directory: Path) -> None:
    """Mend where there is no such directory."""
    if not directory.is_dir():
        raise Mend(f"{directory} is no directory", "Name a policy directory; `tocsin policy copy DIR` makes one.")
