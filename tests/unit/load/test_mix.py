"""What `load` can play, and how it counts."""

import itertools
import re
from pathlib import Path

import pytest

from tocsin.load.ledger import Ledger, Percentiles, Sent
from tocsin.load.mix import made_up, read_mix, read_mixes
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.runtime.mend import Mend
from tocsin.runtime.settings import Settings


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The sample policy."""
    return load_policy(Settings().policy_path)


def test_a_table_of_emergency_calls_becomes_calls_on_the_right_lines(tmp_path: Path, policy: Policy) -> None:
    """EMS goes to 120, fire to 119, traffic to 122, each with its own place and time, set down around the county."""
    file = tmp_path / "calls.csv"
    file.write_text(
        "lat,lng,title,timeStamp,addr\n40.1,-75.2,EMS: FALL VICTIM,2015-12-10 17:40:00,A ST\n"
        "40.2,-75.3,Fire: SMOKE,2015-12-10 17:41:00,B ST\n40.3,-75.4,Traffic: VEHICLE ACCIDENT,2015-12-10 17:42:00,C\n"
    )
    bodies = read_mix(file, policy)
    assert [b["line"] for b in bodies] == ["120", "119", "122"]
    assert all(111 < b["location"]["point"]["lon"] < 114 for b in bodies)
    assert bodies[0]["received_at"].startswith("2015-12-10T17:40:00")


def test_hotline_messages_keep_their_callers_apart(tmp_path: Path, policy: Policy) -> None:
    """The same writer rings with the same sample number, another with another."""
    file = tmp_path / "messages.csv"
    file.write_text("caller_id,subject,text,received_at\nX1,路灯,灯坏了,2019-02-28T11:25:05\nX2,,水管,\nX1,,还没修,\n")
    numbers = [b["caller"]["number"] for b in read_mix(file, policy)]
    assert numbers[0] == numbers[2] != numbers[1]


def test_what_cannot_be_played_is_named_with_its_line(tmp_path: Path, policy: Policy) -> None:
    """A file that is no mix says where and what would do."""
    bad = tmp_path / "bad.ndjson"
    bad.write_text('{"line": "110", "text": "x"}\nnot json\n')
    with pytest.raises(Mend, match=r"bad\.ndjson:2"):
        read_mix(bad, policy)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(Mend, match="a, b"):
        read_mix(table, policy)
    empty = tmp_path / "empty.ndjson"
    empty.write_text("")
    with pytest.raises(Mend, match="holds no calls"):
        read_mixes([empty], policy)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.ndjson", None, "none.ndjson cannot be read"),
        ("bytes.ndjson", b"\xff\xfe{", "bytes.ndjson cannot be read"),
        ("bytes.csv", b"\xff\xfe", "bytes.csv cannot be read"),
        ("words.csv", b"lat,lng,title,timeStamp\nx,y,EMS: a,2016-03-05 10:20:30\n", "words.csv:2 is no call"),
        ("short.csv", b"lat,lng,title,timeStamp\n40.1,-75.2\n", "short.csv:2 is no call"),
    ],
)
def test_a_file_that_is_no_mix_is_the_users_to_mend(
    tmp_path: Path, policy: Policy, name: str, content: bytes | None, said: str
) -> None:
    """A missing file, one that is no text, a table with holes: one line with its mend, never a fault of ours."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Mend, match=re.escape(said)):
        read_mix(tmp_path / name, policy)


def test_a_call_is_one_line_whatever_it_says(tmp_path: Path, policy: Policy) -> None:
    """Separators that JSON lets stand in a text end no line; blank lines are none."""
    file = tmp_path / "said.ndjson"
    file.write_text('{"line": "110", "text": "一\u2028二\x85三"}\n\n{"line": "119", "text": "x"}\n', encoding="utf-8")
    assert [b["text"] for b in read_mix(file, policy)] == ["一\u2028二\x85三", "x"]


def test_made_up_calls_do_not_end(policy: Policy) -> None:
    """There are always more, on several lines."""
    bodies = list(itertools.islice(made_up(policy), 300))
    assert {b["line"] for b in bodies} >= {"110", "119", "120", "122", "12345"}


def test_the_ledger_tells_lost_and_doubled() -> None:
    """Acknowledged and not recorded is lost; recorded or placed twice is doubled."""
    ledger = Ledger()
    ledger.calls = {
        "fine": Sent(0, acknowledged=0.1, decided=0.2, delivered=0.3, records=1, homes=1),
        "lost": Sent(0, acknowledged=0.1),
        "twice": Sent(0, acknowledged=0.1, decided=0.2, records=2, homes=1),
        "never": Sent(0),
    }
    summary = ledger.summary(seconds=1)
    assert (summary["sent"], summary["acknowledged"], summary["lost"], summary["duplicated"]) == (4, 3, 1, 1)


def test_percentiles_are_nearest_rank() -> None:
    """p50, p99 and max in milliseconds."""
    assert Percentiles.of([i / 1000 for i in range(1, 101)]) == Percentiles(51.0, 100.0, 100.0)
    assert Percentiles.of([]) == Percentiles(0, 0, 0)
