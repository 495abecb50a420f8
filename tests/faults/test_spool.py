"""The spool when the log is away, the process dies, the file is torn, the disk is full."""

import asyncio
import errno
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.intake.segments import Held
from services.intake.spool import Spool, SpoolFull
from tests.integration.intake_stage import IntakeStage
from tests.support import eventually, free_ports
from tocsin.broker import EmbeddedKafka

CALL = {"line": "119", "text": "茅草街镇新街口着火了", "caller": {"number": "13800001234"}}
MATTER = {"line": "12345", "text": "路灯坏了", "caller": {"number": "13800005678"}}


def held(n: int, *, urgent: bool = True) -> Held:
    """A record of a call."""
    return Held("t", 0, b"430921", b"value" * 10, (), n, urgent, f"call:c{n}", f"c{n}", "hash")


def segments(folder: Path) -> list[Path]:
    """The spool's files."""
    return list(folder.glob("*.seg"))


async def filled(spool: Spool, count: int) -> None:
    """Puts as many records."""
    for n in range(count):
        await spool.put(held(n))


async def test_what_is_put_is_on_disk_and_comes_out_urgent_first(tmp_path: Path) -> None:
    """Records come out in their order, all urgent ones before any routine one."""
    spool = Spool(tmp_path)
    await asyncio.gather(*(spool.put(held(n, urgent=n % 2 == 0)) for n in range(20)))
    assert spool.depth == 20
    out: list[str] = []
    while spool.depth:
        lane, found, after = spool.peek(7)
        out += [h.call_id for h in found]
        spool.take(lane, after[-1])
        spool.forget(found)
    assert out == [f"c{n}" for n in range(0, 20, 2)] + [f"c{n}" for n in range(1, 20, 2)]
    assert spool.idle
    assert segments(tmp_path) == []
    spool.close()


async def test_a_torn_tail_is_cut_off_and_the_rest_is_whole(tmp_path: Path) -> None:
    """A record half written when the power went was never answered: it goes, those before it stay."""
    spool = Spool(tmp_path)
    for n in range(5):
        await spool.put(held(n))
    spool.close()
    (file,) = segments(tmp_path)
    whole = file.stat().st_size
    with file.open("ab") as f:
        f.write(b"T1\x00\x00\x10\x00torn")
    again = Spool(tmp_path)
    assert again.depth == 5
    assert file.stat().st_size == whole
    assert again.call("c4") is not None
    await again.put(held(9))
    assert [h.call_id for h in again.peek(100)[1]] == ["c0", "c1", "c2", "c3", "c4", "c9"]
    again.close()


async def test_a_changed_byte_is_never_sent(tmp_path: Path) -> None:
    """The checksum stops reading where the disk lies."""
    spool = Spool(tmp_path)
    for n in range(3):
        await spool.put(held(n))
    spool.close()
    (file,) = segments(tmp_path)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    again = Spool(tmp_path)
    assert [h.call_id for h in again.peek(100)[1]] == ["c0"]
    again.close()


async def test_what_has_gone_to_the_log_does_not_come_again(tmp_path: Path) -> None:
    """The position survives a restart."""
    spool = Spool(tmp_path)
    for n in range(6):
        await spool.put(held(n))
    lane, found, after = spool.peek(4)
    spool.take(lane, after[-1])
    spool.forget(found)
    spool.close()
    again = Spool(tmp_path)
    assert [h.call_id for h in again.peek(100)[1]] == ["c4", "c5"]
    again.close()


async def test_invariant_1_a_full_disk_gives_no_false_202(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails half-way is refused and cut off; readiness says so; with room again, all goes on."""
    spool = Spool(tmp_path)
    await spool.put(held(1))
    write = os.write

    def full(fd: int, content: bytes) -> int:
        if len(content) > 20:
            return write(fd, content[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("services.intake.segments.os.write", full)
    with pytest.raises(SpoolFull):
        await spool.put(held(2))
    assert "No space left" in (spool.fault() or "")
    assert spool.depth == 1
    monkeypatch.undo()
    await spool.put(held(3))
    assert spool.fault() is None
    assert [h.call_id for h in spool.peek(100)[1]] == ["c1", "c3"]
    spool.close()
    again = Spool(tmp_path)
    assert again.depth == 2
    again.close()


async def test_the_spool_has_a_bound(tmp_path: Path) -> None:
    """More than its bytes is refused, not kept in memory."""
    spool = Spool(tmp_path, bytes_max=1000)
    with pytest.raises(SpoolFull):
        await filled(spool, 100)
    spool.close()


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker of this module's own, to be stopped and gone on with."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka"), free_ports(8)) as broker:
        yield broker


@pytest.fixture
async def stage(kafka: EmbeddedKafka, tmp_path: Path) -> AsyncIterator[IntakeStage]:
    """One replica that spools after half a second."""
    stage = IntakeStage(kafka, tmp_path, more={"TOCSIN_SPOOL_AFTER_MS": "500"})
    try:
        await stage.open()
        yield stage
    finally:
        await stage.close()


@pytest.mark.broker
async def test_invariant_1_calls_taken_while_the_log_is_away_reach_it_in_order(
    kafka: EmbeddedKafka, stage: IntakeStage, request: pytest.FixtureRequest
) -> None:
    """Broker stopped: 202 `spooled`. kill -9, new start: still there. Broker back: drained, urgent first, in order."""
    run = request.node.name[:20]
    kafka.pause(0)
    try:
        answers = {}
        for n in range(3):
            for kind, body, role in (("r", MATTER, "hotline"), ("u", CALL, "call_taker")):
                call_id = f"{run}-{kind}{n}"
                r = await stage.post("/v1/calls", body | {"call_id": call_id}, role=role)
                assert (r.status_code, r.json()["durability"]) == (202, "spooled")
                answers[call_id] = r.json()
        ready = await stage.http.get(stage.url(0, "/readyz"))
        assert ready.status_code == 200, "it takes calls: an orchestrator must not shut the door"
        shown = await stage.get(f"/v1/calls/{run}-u0")
        assert (shown.status_code, shown.json()["durability"]) == (200, "spooled")
        conflict = await stage.post("/v1/calls", CALL | {"call_id": f"{run}-u0", "text": "别的"})
        assert conflict.status_code == 409
        stage.end(0, signal.SIGKILL)
        await stage.start(0, wait=False)
        again = await stage.post("/v1/calls", CALL | {"call_id": f"{run}-u0"})
        assert again.json() == answers[f"{run}-u0"]
    finally:
        kafka.resume(0)
    await eventually(lambda: _depth(stage, 0), seconds=30, what="the spool drained")
    mine = [x.target for _, x in await stage.on_log() if x.target.startswith(run)]
    urgent = list(dict.fromkeys(t for t in mine if "-u" in t))
    routine = list(dict.fromkeys(t for t in mine if "-r" in t))
    assert urgent == [f"{run}-u{n}" for n in range(3)]
    assert routine == [f"{run}-r{n}" for n in range(3)]
    await eventually(lambda: _durable(stage, f"{run}-u0"))
    repeat = await stage.post("/v1/calls", CALL | {"call_id": f"{run}-u0"})
    assert repeat.json() == answers[f"{run}-u0"], "the first answer again, from the log now"


async def _depth(stage: IntakeStage, depth: int) -> bool:
    metrics = (await stage.http.get(stage.url(0, "/metrics"))).text
    return f"tocsin_spool_depth {depth:.1f}" in metrics


async def _durable(stage: IntakeStage, call_id: str) -> bool:
    r = await stage.get(f"/v1/calls/{call_id}")
    return r.status_code == 200 and r.json()["durability"] == "log"
