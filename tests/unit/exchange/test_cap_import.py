"""A CAP 1.2 alert of another centre becomes a call; what is no such alert is refused with every fault named."""

from pathlib import Path

import pytest

from services.notifier import cap
from tests.unit.notifier.test_notifier_exchange import view
from tocsin.calls import parse_value
from tocsin.calls.read import InvalidBody
from tocsin.exchange.cap_import import call_id_of, read_alert
from tocsin.policy.load import load_policy
from tocsin.runtime.settings import Settings

ALERT = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>HR-2026-17</identifier><sender>centre@huarong.example</sender>
  <sent>2026-04-05T10:20:30+08:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
  <incidents>HR-I-4</incidents>
  <info><language>en</language><category>Fire</category><event>Fire</event><urgency>Immediate</urgency>
    <severity>Severe</severity><certainty>Observed</certainty><area><areaDesc>Embankment</areaDesc></area></info>
  <info><language>zh-CN</language><category>Fire</category><event>仓库起火</event><urgency>Immediate</urgency>
    <severity>Severe</severity><certainty>Observed</certainty><onset>2026-04-05T10:15:00+08:00</onset>
    <senderName>华容县指挥中心</senderName><headline>堤边仓库着火</headline><description>浓烟很大，有人被困</description>
    <area><areaDesc>梅田湖镇南堤</areaDesc><circle>29.40,112.52 0.25</circle></area></info>
</alert>"""


def changed(old: str, new: str) -> bytes:
    """The alert with one thing changed."""
    assert old in ALERT, old
    return ALERT.replace(old, new, 1).encode()


def test_an_alert_is_a_call_in_the_shape_of_the_contract() -> None:
    """Channel relay, its kind's line, the Chinese words, place with accuracy, the sender's ids, its own time."""
    alert = read_alert(ALERT.encode())
    call = parse_value(alert.body).call
    assert (call.line, call.channel, call.exercise, call.operator) == ("119", "relay", False, "华容县指挥中心")
    assert call.text == "仓库起火。堤边仓库着火。浓烟很大，有人被困"
    assert call.location is not None
    assert call.location.point is not None
    assert (call.location.address, call.location.point.lat, call.location.accuracy_m) == ("梅田湖镇南堤", 29.4, 250.0)
    assert [(x.system, x.id) for x in call.external_ids or ()] == [
        ("centre@huarong.example", "HR-2026-17"), ("centre@huarong.example", "HR-I-4"),
    ]  # fmt: skip
    assert call.occurred_at == "2026-04-05T10:15:00+08:00"
    assert call.call_id == call_id_of("centre@huarong.example", "HR-2026-17"), "the same alert again is the same call"


def test_a_polygon_gives_its_middle_and_its_reach() -> None:
    """Four corners of about a kilometre: the middle, known that well."""
    square = "29.39,112.50 29.41,112.50 29.41,112.52 29.39,112.52 29.39,112.50"
    alert = read_alert(changed("<circle>29.40,112.52 0.25</circle>", f"<polygon>{square}</polygon>"))
    location = alert.body["location"]
    assert (round(location["point"]["lat"], 4), round(location["point"]["lon"], 4)) == (29.4, 112.51)
    assert 1000 < location["accuracy_m"] < 1200


def test_an_exercise_stays_one_and_a_sender_may_name_the_line() -> None:
    """Invariant 10 over the border; a line named goes before the category's."""
    alert = read_alert(changed("Actual", "Exercise"), "110")
    assert (alert.body["exercise"], alert.line) == (True, "110")


def test_a_cancelled_alert_names_the_call_it_is_about() -> None:
    """Cancel needs no info; what it refers to is found by sender and identifier."""
    head, _, _ = ALERT.partition("  <info>")
    text = head.replace("HR-2026-17", "HR-2026-18").replace("Alert</msgType>", "Cancel</msgType>").replace(
        "<incidents>", "<note>误报</note><references>centre@huarong.example,HR-2026-17,2026-04-05T10:20:30+08:00"
        "</references><incidents>",
    )  # fmt: skip
    alert = read_alert(f"{text}</alert>".encode())
    assert (alert.kind, alert.text) == ("Cancel", "误报")
    assert alert.about == [call_id_of("centre@huarong.example", "HR-2026-17")]
    assert alert.named == ["centre@huarong.example,HR-2026-17"]


WRONG = [
    ("HR-2026-17", "HR 2026,17", "alert.identifier"),
    ("<sent>2026-04-05T10:20:30+08:00</sent>", "", "alert.sent"),
    ("10:20:30+08:00", "10:20:30Z", "alert.sent"),
    ("<sender>centre@huarong.example</sender>\n", "\n", "alert.sender"),
    ("<scope>Public</scope>\n", "<scope>Public</scope><status>Actual</status>\n", "alert.status"),
    ("Actual", "Real", "alert.status"),
    ("<scope>Public</scope>", "<scope>Restricted</scope>", "alert.restriction"),
    ("Alert</msgType>", "Update</msgType>", "alert.references"),
    ("<urgency>Immediate</urgency>", "", "alert.info.urgency"),
    ("<category>Fire</category>", "<category>Blaze</category>", "alert.info.category"),
    ("29.40,112.52 0.25", "129.40,112.52 0.25", "alert.info.area.circle"),
    ("<areaDesc>Embankment</areaDesc>", "", "alert.info.area.areaDesc"),
    ("<event>Fire</event>", "<event>Fire</event><event>Flood</event>", "alert.info.event"),
    ("<language>en</language>", "<colour>red</colour>", "alert.info.colour"),
    ("emergency:cap:1.2", "emergency:cap:1.1", "alert"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "where"), WRONG)
def test_what_is_not_as_the_standard_has_it_is_refused(old: str, new: str, where: str) -> None:
    """422 cap_invalid with the place of the fault; nothing is guessed."""
    with pytest.raises(InvalidBody) as refused:
        read_alert(changed(old, new))
    assert (refused.value.status, refused.value.code) == (422, "cap_invalid")
    assert where in [e.field for e in refused.value.errors]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("10:20:30+08:00", "10:20:30Z", "a time such as 2026-04-05T10:20:30+08:00"),
        ("Actual", "Real", "one of Actual, Exercise, System, Test, Draft"),
        ("<category>Fire</category>", "<category>Blaze</category>", "one of Geo, Met"),
        ("29.40,112.52 0.25", "112.52,29.40 0.25", "lat,lon in WGS84, a blank, and a radius of 0 to 20040 km"),
        ("29.40,112.52 0.25", "29.40,112.52 inf", "a radius of 0 to 20040 km"),
        ("29.40,112.52 0.25", "29.40,112.52 1e308", "a radius of 0 to 20040 km"),
        ("29.40,112.52 0.25", "2_9.40,112.52 0.25", "lat,lon in WGS84"),
        ("HR-2026-17", "HR 2026", "no blanks, commas"),
    ],
)
def test_a_fault_says_what_was_expected(old: str, new: str, expected: str) -> None:
    """Another centre's programmer mends it by the answer alone; a radius without end is no place."""
    with pytest.raises(InvalidBody) as refused:
        read_alert(changed(old, new))
    assert expected in refused.value.errors[0].message


@pytest.mark.parametrize("encoding", ["GBK", "gb2312", "GB18030"])
def test_an_alert_in_a_chinese_encoding_is_read(encoding: str) -> None:
    """Centres still send them; the parser knows none, and an alert must not be lost for its letters."""
    text = ALERT.replace("UTF-8", encoding)
    assert read_alert(text.encode(encoding)).text == read_alert(ALERT.encode()).text
    with pytest.raises(InvalidBody, match="GB18030, which the alert says") as refused:
        read_alert(text.encode(encoding) + b"\xff")
    assert refused.value.code == "not_xml"


@pytest.mark.parametrize("old", ["Actual", "Alert</msgType>"])
def test_nobody_is_called_out_by_a_test_or_an_acknowledgement(old: str) -> None:
    """Status Test, Draft and System, message types Ack and Error: 422 not_actionable."""
    refers = "<references>a,b,2026-04-05T10:20:30+08:00</references><incidents>"
    body = ALERT.replace("<incidents>", refers).replace(old, {"Actual": "Test"}.get(old, "Ack</msgType>"), 1)
    with pytest.raises(InvalidBody) as refused:
        read_alert(body.encode())
    assert refused.value.code == "not_actionable"


BOMB = '<!DOCTYPE alert [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", b"{}", b"<alert", b"<alert/>trailing", ALERT.replace("<alert", f"{BOMB}<alert", 1).encode(),
        f"{BOMB}<alert>&b;</alert>".encode("utf-16"), b'<?xml version="1.0" encoding="nonsense"?><alert/>',
    ],
)  # fmt: skip
def test_no_xml_and_document_types_are_refused(body: bytes) -> None:
    """Nothing is expanded or fetched, and no bytes whatever make anything but a 422."""
    with pytest.raises(InvalidBody) as refused:
        read_alert(body)
    assert (refused.value.status, refused.value.code) in {(422, "not_xml"), (422, "cap_invalid")}


def test_too_large_is_413() -> None:
    """Before it is read."""
    with pytest.raises(InvalidBody) as refused:
        read_alert(b"<alert>" + b"x" * 1_100_000)
    assert refused.value.status == 413


def test_what_one_county_sends_another_takes() -> None:
    """Our own export is read back: kind's words, place, ids."""
    policy = load_policy(Path(Settings().policy_path))
    alert = read_alert(cap.alert(view(), policy))
    call = parse_value(alert.body).call
    assert (call.line, call.text) == ("119", "建筑火灾。建筑火灾 茅草街镇")
    assert call.location is not None
    assert call.location.accuracy_m == 30.0
