"""Processes that outlived the `up` that started them (it was killed): found by the marks they carry, and ended."""

import os
from pathlib import Path

import psutil

from tocsin.cli.deployment import Deployment
from tocsin.cli.errors import Mend

_SECONDS_MAX = 12.0


def leftovers(data_dir: Path) -> list[psutil.Process]:
    """Of the pids in `run.json`, those that still are what they were: a pid may long be somebody else's.

    Where that file cannot be read, every process that carries the directory's marks.
    """
    found = []
    for pid in _pids(data_dir):
        try:
            process = psutil.Process(pid) if pid else None
            if process is not None and _ours(process, data_dir.resolve()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _pids(data_dir: Path) -> set[int]:
    try:
        run = Deployment.read(data_dir)
    except Mend:
        return set(psutil.pids()) - {os.getpid(), os.getppid()}
    return {*run.pids.values(), *run.broker_pids} if run is not None else set()


def _ours(process: psutil.Process, data_dir: Path) -> bool:
    broker = str(data_dir) + os.sep  # the broker: its server.properties
    if any(arg.startswith(broker) and arg.endswith(".properties") for arg in process.cmdline()):
        return True
    return bool(process.environ().get("TOCSIN_DATA_DIR") == str(data_dir))


def end_leftovers(data_dir: Path) -> int:
    """Asks them to stop, then kills what has not; how many there were."""
    processes = leftovers(data_dir)
    for process in processes:
        try:
            process.terminate()
            process.resume()
        except psutil.Error:
            continue
    _, alive = psutil.wait_procs(processes, timeout=_SECONDS_MAX)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=_SECONDS_MAX)
    return len(processes)
