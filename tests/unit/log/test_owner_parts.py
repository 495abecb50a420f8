"""The parts of the owner that need no log: ledger, stamping, deciding a batch, dead letters, chains."""

import pytest

from tests.counter import CounterKernel, as_append, note, regions_of
from tocsin.chain import ChainWalk
from tocsin.envelope import Draft, Source
from tocsin.incident.events import NoteAdded
from tocsin.log.anchors import Anchor
from tocsin.log.deadletters import dead_letter, put_back, read_dead_letter
from tocsin.log.decider import FORWARDED, Decided, Decider
from tocsin.log.fold import Fold
from tocsin.log.ledger import DAY_MS, Head, Ledger
from tocsin.log.port import Append, Record
from tocsin.log.stamp import Origin, stamp
from tocsin.outcomes import CommandRepeated, InputDeadLettered, InputForwarded
from tocsin.runtime.clock import CLOCK_HEADER

NOON = 1_775_361_600_000
KERNEL = CounterKernel("unit")
REGION, OTHER = regions_of(0, 2, 1)[0], regions_of(1, 2, 1)[0]


def at(offset: int, append: Append, when: int = NOON) -> Record:
    """The record of an append, as read from partition 0."""
    return Record(append.topic, 0, offset, append.key, append.value, append.headers, when)


def decider(fold: Fold, **poisoned: str) -> Decider:
    """A decider of partition 0 of 2."""
    marks = {(KERNEL.urgent.name, int(k[1:])): v for k, v in poisoned.items()}
    return Decider(KERNEL, fold, partitions=2, trust_clock=False, poisoned=marks)


def decide(*commands: Append) -> tuple[Fold, Decided]:
    """A fresh fold and what it makes of these, one offset after the other."""
    fold = Fold(KERNEL, 0)
    return fold, decider(fold).decide([at(i, a) for i, a in enumerate(commands)])


def asked(command_id: str, text: str = "n", region: str = REGION, issued_at: int = 0) -> Append:
    """A note's append."""
    return as_append(KERNEL.urgent, note(command_id, region, text, issued_at=issued_at), 2)


def test_invariant_2_event_ids_follow_from_command_and_index() -> None:
    """The same command gives the same ids and bytes, whatever batch it stands in; two commands give different ones."""
    _, together = decide(asked("a", "many:3"), asked("b"))
    _, alone = decide(asked("a", "many:3"))
    assert [e.event_id for e in together.events[:3]] == [e.event_id for e in alone.events]
    assert len({e.event_id for e in together.events}) == 4
    assert [a.value for a in together.appends if a.topic == KERNEL.events.name][:3] == [
        a.value for a in alone.appends if a.topic == KERNEL.events.name
    ]


def test_invariant_2_a_repeat_in_the_same_batch_is_answered_as_one() -> None:
    """Two records with one command id: the second leaves CommandRepeated and changes nothing."""
    fold, out = decide(asked("a"), asked("a"))
    assert [type(e.data) for e in out.events] == [NoteAdded, CommandRepeated]
    assert fold.state.notes == {f"{REGION}-20260405-000001": 1}
    assert out.events[0].event_id != out.events[1].event_id


def test_offsets_below_the_position_are_skipped() -> None:
    """A record that was decided before leaves nothing when it is read again."""
    fold, _ = decide(asked("a"), asked("b"))
    again = decider(fold).decide([at(0, asked("a")), at(1, asked("b")), at(2, asked("c"))])
    assert [e.command_id for e in again.events] == ["c"]
    assert again.taken == 3


def test_invariant_9_record_time_never_goes_back() -> None:
    """An append time before the last one is lifted to it."""
    fold = Fold(KERNEL, 0)
    out = decider(fold).decide([at(0, asked("a"), NOON), at(1, asked("b"), NOON - 5000)])
    assert [e.recorded_at for e in out.events] == [NOON, NOON]


def test_invariant_9_a_foreign_record_has_the_readers_time_under_a_clock_of_our_own() -> None:
    """Under a manual clock what has no clock header is no leap to the broker's time: limits would begin ahead of it."""
    fold, shown = Fold(KERNEL, 0), NOON - 3_600_000
    own = asked("own")._replace(headers=((CLOCK_HEADER, str(shown).encode()),))
    manual = Decider(KERNEL, fold, partitions=2, trust_clock=True, poisoned={}, now=lambda: shown + 5)
    out = manual.decide([at(0, own), at(1, asked("foreign")), at(2, asked("bad")._replace(value=b"\xff"))])
    assert [e.recorded_at for e in out.events] == [shown, shown + 5, shown + 5]


def test_garbage_is_a_dead_letter_with_its_bytes_and_an_event() -> None:
    """Undecodable bytes: dead letter first, then InputDeadLettered in the partition's own chain."""
    _, out = decide(asked("a")._replace(value=b"\xff\xfe"), asked("b"))
    letter = read_dead_letter(at(0, out.outside[0]))
    assert letter is not None
    assert (letter.topic, letter.offset, letter.stage, letter.value) == (KERNEL.urgent.name, 0, "decode", b"\xff\xfe")
    assert isinstance(out.events[0].data, InputDeadLettered)
    assert (out.events[0].region, out.events[1].command_id) == ("", "b")


@pytest.mark.parametrize("stage", ["crash", "prepare"])
def test_invariant_1_a_failing_rule_is_rescued_and_buried(stage: str) -> None:
    """Rules that fail cost the one command: a dead letter, the rescue's events, and the rest goes on."""
    _, out = decide(asked("a"), asked("bad", f"{stage}:"), asked("c"))
    assert [e.type for e in out.events] == ["NoteAdded", "CommandNoted", "InputDeadLettered", "NoteAdded"]
    assert len(out.outside) == 1


def test_an_error_tells_where_and_never_what() -> None:
    """The rules see clear words; a dead letter carries the error's type and place alone."""
    _, out = decide(asked("bad", "crash:13800001234"))
    letter = read_dead_letter(at(0, out.outside[0]))
    assert letter is not None
    assert letter.error.startswith("ValueError at counter.py:")


def test_an_event_over_the_size_is_rescued_before_any_transaction() -> None:
    """Too large an event never reaches the log; the command is buried with its reason."""
    _, out = decide(asked("big", "big:1000000"))
    assert [e.type for e in out.events] == ["CommandNoted", "InputDeadLettered"]
    assert out.stages == ["size"]


def test_a_foreign_region_is_forwarded_once_and_not_in_circles() -> None:
    """The wrong partition: forwarded to the right one; forwarded already, it is buried."""
    _, out = decide(asked("f", region=OTHER))
    assert out.outside[0].partition == 1
    assert isinstance(out.events[0].data, InputForwarded)
    circle = asked("f", region=OTHER)
    _, again = decide(circle._replace(headers=(*circle.headers, (FORWARDED, b"x/0/0"))))
    assert again.stages == ["forward"]


def test_a_command_older_than_known_ids_goes_to_a_person() -> None:
    """Issued before the window: whether it is a repeat cannot be told, so the rules do not decide it."""
    _, out = decide(asked("old", issued_at=NOON - 37 * DAY_MS))
    assert [(e.type, e.data.cause) for e in out.events] == [("CommandNoted", "older_than_known_ids")]


def test_known_ids_are_pruned_by_event_time_alone() -> None:
    """Ids older than the window are forgotten from the front; what is inside it stays known."""
    ledger, origin = Ledger(0, known_ms=35 * DAY_MS), None
    for i, day in enumerate((0, 10, 40, 50)):
        origin = Origin(
            command_id=f"c{i}", region=REGION, source=Source(topic="t", offset=i), recorded_at=NOON + day * DAY_MS,
            policy="p",
        )  # fmt: skip
        for s in stamp(origin, [Draft(subject="", data=NoteAdded(text="n"))], ledger.head(REGION), lambda _: 0)[0]:
            ledger.take(s.event, s.value)
    assert ledger.prune() == 2
    assert [ledger.knows(f"c{i}") for i in range(4)] == [False, False, True, True]


def test_invariant_6_a_changed_link_and_a_cut_tail_are_found() -> None:
    """Another byte in an event breaks the next link; a chain that ends before its anchor is told."""
    _, out = decide(*(asked(f"c{i}") for i in range(4)))
    values = [a.value or b"" for a in out.appends if a.topic == KERNEL.events.name]
    whole = ChainWalk("t")
    for i, v in enumerate(values):
        whole.take(0, i, v)
    seq, head = whole.heads[REGION]
    assert (whole.broken, seq) == ([], 4)
    anchor = Anchor(at=NOON, topic="t", partition=0, chain=REGION, seq=4, hash=head.hex())
    cut = ChainWalk("t", [anchor])
    for i, v in enumerate(values[:3]):
        cut.take(0, i, v)
    cut.end()
    assert [b.seq for b in cut.broken] == [4]
    forged = ChainWalk("t", [anchor])
    for i, v in enumerate([values[0], values[1].replace(b"c1", b"cX"), values[2], values[3]]):
        forged.take(0, i, v)
    forged.end()
    assert [(b.offset, "predecessor" in b.what) for b in forged.broken] == [(2, True)]


def test_invariant_6_an_anchor_written_again_does_not_hide_the_one_before() -> None:
    """A last event forged while the owner was down is anchored when it comes back: the head anchored before differs."""
    _, out = decide(*(asked(f"c{i}") for i in range(2)))
    values = [a.value or b"" for a in out.appends if a.topic == KERNEL.events.name]

    def walked(records: list[bytes], *anchors: Anchor) -> ChainWalk:
        walk = ChainWalk("t", anchors)
        for i, v in enumerate(records):
            walk.take(0, i, v)
        walk.end()
        return walk

    def anchored(walk: ChainWalk) -> Anchor:
        seq, head = walk.heads[REGION]
        return Anchor(at=NOON, topic="t", partition=0, chain=REGION, seq=seq, hash=head.hex())

    before = anchored(walked(values))
    again = walked(values, before, before)
    assert (again.broken, again.anchors_met) == ([], 2)
    changed = [values[0], values[1].replace(b"c1", b"cX")]
    after = anchored(walked(changed))
    assert [b.what for b in walked(changed, before, after).broken] == ["another hash was anchored outside the log"]


def test_a_dead_letter_put_back_and_dying_again_is_the_same_one() -> None:
    """Its id is made from where it first stood, so a list shows it once, whatever offset it has now."""
    record = at(7, asked("x")._replace(value=b"\xff"))
    first = read_dead_letter(at(0, dead_letter(record, stage="decode", error="no")))
    assert first is not None
    back = put_back(first, 0)
    second = read_dead_letter(at(1, dead_letter(at(9, back), stage="decode", error="no")))
    assert second is not None
    assert (second.id, second.offset, second.headers) == (first.id, 9, first.headers)


def test_the_first_event_of_a_chain_has_no_predecessor() -> None:
    """Sequence numbers begin at 1, with an empty hash before them."""
    assert Head().hash == b""
    _, out = decide(asked("a"), asked("b"))
    assert [(e.seq, bool(e.prev_hash)) for e in out.events] == [(1, False), (2, True)]
