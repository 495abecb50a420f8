"""The keys' table in PostgreSQL, as several replicas share it: a real server, Debian's package `postgresql`."""

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import free_port
from tocsin.sealing.sql import SqlStore

REPLICAS = 6


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)  # where Debian keeps them


def _run(folder: Path, *command: str) -> None:
    """PostgreSQL will not run as root: then as its own user."""
    first = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*first, *command], capture_output=True, text=True, cwd=folder, timeout=300, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of its own on loopback, gone at the end."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine: install the package postgresql")
    with tempfile.TemporaryDirectory() as made:
        folder, port = Path(made), free_port()
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        data = str(folder / "db")
        _run(folder, str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "tocsin", "--no-sync")
        options = f"-p {port} -h 127.0.0.1 -k {folder}"
        control = str(programs / "pg_ctl")
        _run(folder, control, "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+asyncpg://tocsin@127.0.0.1:{port}/postgres"
        finally:
            _run(folder, control, "-D", data, "-w", "-m", "immediate", "stop")


@pytest.fixture
def stores(url: str) -> Iterator[list[SqlStore]]:
    """As many replicas as start together, on an empty database the first time."""
    line = threading.Barrier(REPLICAS)

    def start(_: int) -> SqlStore:
        line.wait(120)
        return SqlStore(url)

    with ThreadPoolExecutor(REPLICAS) as pool:
        made = list(pool.map(start, range(REPLICAS)))
    yield made
    for store in made:
        store.close()


def test_replicas_that_start_together_all_start(stores: list[SqlStore]) -> None:
    """Each finds the tables or makes them; none dies of another's having been quicker."""
    assert [s.load(["nobody"]) for s in stores] == [{}] * REPLICAS


def test_one_key_counts_for_all_and_a_destroyed_one_for_none(stores: list[SqlStore]) -> None:
    """Whoever is first makes the subject's key, the others take it; destroyed by one, it is gone for all, and told."""
    with ThreadPoolExecutor(REPLICAS) as pool:
        kept = list(pool.map(lambda i: stores[i].add({"a": bytes([i]), f"own-{i}": b"x"}), range(REPLICAS)))
    assert len({k["a"] for k in kept}) == 1
    assert stores[0].load(["a"]) == {"a": kept[0]["a"]}
    assert stores[1].destroy("a")
    assert not stores[2].destroy("a")
    assert stores[3].load(["a", "own-3"]) == {"own-3": b"x"}
    seen, gone = stores[4].destroyed_since(0)
    assert (seen, set(gone)) == (2, {"a"})
