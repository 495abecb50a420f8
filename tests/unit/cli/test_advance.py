"""Moving a manual clock from due to due."""

from pathlib import Path

import httpx
import msgspec
import pytest

from tocsin.cli import advance
from tocsin.cli.advance import Mover, parse_duration_ms
from tocsin.cli.deployment import Deployment
from tocsin.codec.text import parse_rfc3339, rfc3339
from tocsin.runtime.clock import Clock, write_clock
from tocsin.runtime.mend import Mend

NOW = 1_775_347_200_000


class Service:
    """Answers `/v1/clock/pending`: things due at these moments fire one answer after the clock has reached them."""

    def __init__(self, clock: Clock, dues: list[int]) -> None:
        self.clock, self.dues = clock, sorted(dues)
        self.fired: list[tuple[int, int]] = []
        self.stuck = ""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """As the services answer it."""
        until, now = parse_rfc3339(request.url.params["until"]), self.clock.now_ms()
        due = [d for d in self.dues if d <= until]
        body = {
            "next_due": rfc3339(min(due, default=None)),
            "settled": not self.stuck,
            "waiting_for": [self.stuck] if self.stuck else [],
        }
        for d in [d for d in self.dues if d <= now]:
            self.dues.remove(d)
            self.fired.append((d, now))
        return httpx.Response(200, content=msgspec.json.encode(body))


def stage(
    tmp_path: Path, *dues: list[int], clock: str = "manual", host: str = "127.0.0.1"
) -> tuple[Mover, list[Service]]:
    """A mover whose two services are the above."""
    write_clock(tmp_path / "clock.json", base_ms=NOW, factor=0)
    url = f"http://{host}:1"
    deployment = Deployment(
        ready=True, bootstrap="", intake=url, notifier=url, ems120=url, supervision=url, router=url, console=url,
        pids={}, tokens={}, agency_tokens={}, unit_tokens={}, data_dir=str(tmp_path), clock=clock,
    )  # fmt: skip
    mover = Mover(deployment)
    services = [Service(Clock("manual", tmp_path / "clock.json"), d) for d in dues]
    for name, service in zip(advance.ASKED, services, strict=True):
        mover._clients[name].close()
        mover._clients[name] = httpx.Client(base_url=url, transport=httpx.MockTransport(service.answer))
    return mover, services


def test_each_due_thing_fires_at_its_own_moment(tmp_path: Path) -> None:
    """The clock stops at every due moment of both services, in order, and ends at the target."""
    mover, (one, other) = stage(tmp_path, [NOW + 5_000, NOW + 20_000], [NOW + 10_000, NOW + 40_000])
    assert mover.move(NOW + 30_000) == NOW + 30_000
    assert one.fired == [(NOW + 5_000, NOW + 5_000), (NOW + 20_000, NOW + 20_000)]
    assert other.fired == [(NOW + 10_000, NOW + 10_000)]
    assert other.dues == [NOW + 40_000]


def test_the_clock_never_goes_back(tmp_path: Path) -> None:
    """An earlier target is refused and nothing moves."""
    mover, _ = stage(tmp_path, [], [])
    with pytest.raises(Mend, match="only goes forward"):
        mover.move(NOW - 1)
    assert mover.now_ms() == NOW


def test_unfinished_work_is_waited_for_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a service is not settled the clock stands; the error says what is waited for."""
    monkeypatch.setattr(advance, "_STUCK_SECONDS_MAX", 0.3)
    mover, (one, _) = stage(tmp_path, [], [])
    one.stuck = "commands of partition 3"
    with pytest.raises(Mend, match="supervision: commands of partition 3"):
        mover.move(NOW + 1_000)
    assert mover.now_ms() == NOW


@pytest.mark.parametrize(
    ("clock", "host", "said"), [("real", "127.0.0.1", "manual"), ("manual", "192.0.2.1", "loopback")]
)
def test_only_a_manual_clock_on_loopback_is_moved(tmp_path: Path, clock: str, host: str, said: str) -> None:
    """Anything else is refused."""
    with pytest.raises(Mend, match=said):
        stage(tmp_path, [], [], clock=clock, host=host)


@pytest.mark.parametrize(
    ("text", "ms"),
    [("PT30S", 30_000), ("PT0.5S", 500), ("PT1H30M", 5_400_000), ("P1D", 86_400_000), ("P1DT1S", 86_401_000)],
)
def test_durations(text: str, ms: int) -> None:
    """ISO 8601, days and less."""
    assert parse_duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "P", "PT", "30", "PT30", "-PT30S", "P1Y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """The error shows the form."""
    with pytest.raises(Mend, match="PT30S"):
        parse_duration_ms(text)
