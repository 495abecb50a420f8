"""The case as one file: what of it is proved, and that a page stands for a matter that goes on."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tocsin.cli.commands.dossier import HOW, HOW_ZH, anchors_of, page, prove
from tocsin.log.anchors import Anchor

TOPIC = "tocsin.incident.events.v1"


def item(seq: int, *, follows: str = "") -> dict[str, Any]:
    """A record as the notifier proves it."""
    record = f"event {seq}".encode()
    digest = hashlib.blake2b(record, digest_size=32).hexdigest()
    following = {"prev_hash": follows or digest}
    return {"event_id": f"e{seq}", "seq": seq, "record": record.hex(), "hash": digest, "next": following}


def anchor(seq: int, hash_: str, *, chain: str = "430921") -> Anchor:
    """A head as the router anchors it."""
    return Anchor(at=1, topic=TOPIC, partition=5, chain=chain, seq=seq, hash=hash_)


ITEMS = [item(n) for n in (3, 4, 7)]
TOLD = {"e3", "e4", "e7"}


def test_every_link_and_anchor_is_counted() -> None:
    """An anchor that meets a record of the case, and the first head after it, which has all of it before it."""
    heads = [anchor(2, "00"), anchor(4, ITEMS[1]["hash"]), anchor(9, "99"), anchor(12, "12")]
    found = prove(ITEMS, TOLD, heads)
    assert (found["links"], found["linked"], found["anchored"], found["broken"]) == (3, 3, 1, [])
    assert [a["seq"] for a in found["anchors"]] == [4, 9]


def test_what_does_not_hold_is_named() -> None:
    """A changed record, a link that is not taken up, an anchor that says otherwise."""
    changed = ITEMS[0] | {"record": b"another".hex()}
    found = prove([changed, item(4, follows="ff"), ITEMS[2]], TOLD, [anchor(7, "00")])
    assert found["linked"] == 1
    assert found["broken"] == ["event 3", "event 4", "the anchor of 7"]


def test_an_event_that_came_meanwhile_is_left_out() -> None:
    """A matter goes on between two questions: only the events that are told are proved, and the page is written."""
    case = {
        "dossier": "430921-20260408-000001",
        "events": [{"event_id": "e3", "recorded_at": "2026-04-08", "type": "NoteAdded", "data": {"text": "<script>"}}],
        "proof": prove(ITEMS, {"e3"}, []),
    }
    assert case["proof"]["links"] == 1  # type: ignore[index]  # a Json
    shown = page(case, ["接警 <b>"], HOW_ZH)
    assert "接警 &lt;b&gt;" in shown
    assert HOW_ZH in shown
    assert "<script>" not in re.sub(r'<script type="application/json".*', "", shown)
    assert json.loads(re.findall(r'id="dossier">(.*?)</script>', shown)[0])["dossier"] == case["dossier"]
    assert HOW != HOW_ZH


@pytest.mark.parametrize("torn", ["", '{"at": 1, "top'])
def test_the_regions_own_anchors_are_read(tmp_path: Path, torn: str) -> None:
    """Of this chain and this topic alone; a line torn by a crash is passed over."""
    held = [anchor(1, "aa"), anchor(2, "bb", chain="430981")]
    lines = [json.dumps({f: getattr(a, f) for f in a.__struct_fields__}) for a in held]
    (tmp_path / "anchors.ndjson").write_text("\n".join([*lines, torn]))
    assert [a.hash for a in anchors_of(tmp_path, "430921")] == ["aa"]
    assert anchors_of(tmp_path / "nowhere", "430921") == []
