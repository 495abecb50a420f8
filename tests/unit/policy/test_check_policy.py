"""A policy that does not hold is refused as a whole, with file, line and mend."""

from pathlib import Path

import pytest

from tocsin.policy.load import check_policy, load_policy
from tocsin.policy.source import TOML_FILES, Finding, PolicyInvalid

SAMPLE = Path(__file__).resolve().parents[3] / "policy" / "nanxian"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the sample to break."""
    for f in SAMPLE.iterdir():
        (tmp_path / f.name).write_bytes(f.read_bytes())
    return tmp_path


def broken(copy: Path, file: str, old: str, new: str) -> list[Finding]:
    """What is found after one change; loading it must be refused."""
    text = (copy / file).read_text()
    assert old in text, f"{file} no longer holds {old!r}"
    (copy / file).write_text(text.replace(old, new, 1))
    found = check_policy(copy)
    with pytest.raises(PolicyInvalid):
        load_policy(copy)
    return found


CASES = [
    ("hearing.tsv", '"format": 2', '"format": 9', "format 9, this one reads 2"),
    ("hearing.tsv", '"crime.fraud"', '"crime.frand"', "kind 'crime.frand' is none of kinds.toml"),
    ("hearing.tsv", "\t", "\t!", "not as its manifest says"),
    (
        "policy.toml",
        'complaint_kind = "service.justice"',
        'complaint_kind = "service.just"',
        "unknown kind 'service.just'",
    ),
    ("kinds.toml", 'joint = ["nanxian-gas"]', 'joint = ["nanxian-gaz"]', "unknown agency 'nanxian-gaz'"),
    ("kinds.toml", 'lead = "nanxian-traffic"\njoint = ["nanxian-120"]', 'joint = ["nanxian-120"]', "no lead"),
    ("kinds.toml", 'lead = "nanxian-power"\n', "", "a hole: nobody answers for utility.power"),
    ("kinds.toml", "priority = 3", "priority = 9", "priority 9"),
    ("kinds.toml", 'code = "fire.vehicle"', 'code = "fire.building"', "stands twice"),
    ("kinds.toml", 'code = "unknown"', 'code = "unheard"', "the kind unknown is missing"),
    ("kinds.toml", "priority = 1", 'priority = "one"', "priority must be a whole number"),
    ("kinds.toml", "priority = 1", "priorty = 1", "unknown field 'priorty'"),
    ("kinds.toml", '["water_rescue"]', '["diving"]', "rescue.water needs 'diving' of nanxian-fire, which has not got"),
    ("kinds.toml", "nanxian-fire = [", "nanxian-gas = [", "fire.building needs something of nanxian-gas"),
    ("kinds.toml", '["water_rescue"]', '"boat"', "is no list of capabilities"),
    ("raises.toml", '["extrication"]', '["diving"]', "trapped needs 'diving'"),
    ("raises.toml", '"fire.*"', '"fires.*"', "unknown kind 'fires.*'"),
    ("limits.toml", 'clock = "callback"\nseconds = 60', 'clock = "callback"', "one length"),
    ("limits.toml", 'clock = "callback"', 'clock = "callbak"', "clock must be"),
    ("limits.toml", 'limits = ["consult"]\nworking_days', 'limits = ["konsult"]\nworking_days', "unknown 'konsult'"),
    ("limits.toml", "night_seconds = 60", "night_seconds = 0", "night_seconds stands beside seconds"),
    ("calendar.toml", 'night_from = "20:00"', 'night_from = "25:00"', "is no time"),
    ("linking.toml", "link_at = 0.72", "link_at = 1.4", "suggest_at <= link_at"),
    ("linking.toml", "distance = 0.30", "distance = nan", "weight of distance"),
    ("linking.toml", '"traffic.*" = 600', '"trafic.*" = 600', "unknown kind 'trafic.*'"),
    ("linking.toml", '"traffic.*" = 240', '"traffic.*" = 0', "joined_within_m of 'traffic.*' must be a number above 0"),
    ("linking.toml", '"crime.fraud", ', '"crime.froud", ', "unknown kind 'crime.froud'"),
    ("linking.toml", 'asking = "asked_after"', 'asking = "asked"', "unknown raise 'asked'"),
    ("linking.toml", '"injured", "trapped"]', '"injured", "traped"]', "unknown raise 'traped'"),
    ("linking.toml", "asking_factor = 4", "asking_factor = 0.5", "asking_factor is below 1"),
    ("linking.toml", '"fire.*|fire.*" = 0.9', '"fire.*" = 0.9', "is no pair"),
    ("calendar.toml", 'opens = "09:00"', 'opens = "9 Uhr"', "is no time"),
    ("calendar.toml", "holidays = []", 'holidays = ["2026-02-30"]', "is no day"),
    ("calendar.toml", "holidays = []\nworkdays = []", 'holidays = ["2026-05-05"]\nworkdays = ["2026-05-05"]', "both"),
    ("agencies.toml", 'from_time = "08:00"', 'from_time = "25:00"', "is no time"),
    ("agencies.toml", 'regions = ["430921", "000000"]', 'regions = ["430999"]', "unknown region '430999'"),
    ("agencies.toml", 'agency_class = "police"', 'agency_class = "army"', "agency_class must be"),
    ("policy.toml", 'default_region = "430921"', 'default_region = "999999"', "is no region"),
    ("policy.toml", '110 = "nanxian-police"', '111 = "nanxian-police"', "line 110 has no first receiver"),
    ("policy.toml", 'id = "430921"\n', 'id = "430921"\nserved_by = "000000"\n', "in a circle"),
    ("lexicon.toml", 'to = "traffic.injury"', 'to = "traffic.hurt"', "unknown kind 'traffic.hurt'"),
    ("lexicon.toml", '"行凶"', '"[行|凶"', "is no word"),
    ("lexicon.toml", 'injured = "unhurt"', 'injured = "unhurd"', "unknown raise 'unhurd'"),
    ("lexicon.toml", 'injured = "unhurt"', 'injured = ["unhurt"]', "unknown raise ['unhurt']"),
    ("lexicon.toml", 'injured = "unhurt"', 'hurt = "unhurt"', "unknown raise 'hurt'"),
    ("lexicon.toml", 'raises = ["smoke"]', 'raises = ["smok"]', "unknown raise 'smok'"),
    ("limits.toml", "seconds = 60", "seconds = 99999999999999999999", "seconds must be at most 31622400"),
    ("limits.toml", "working_days = 3", "working_days = 100000", "working_days must be at most 1000"),
    ("kinds.toml", "[[kind]]", "kind = [\n[[kind]]", "not TOML"),
    ("gazetteer.csv", ",112.396,29.362,2500,", ",nan,29.362,2500,", "no position"),
    ("gazetteer.csv", ",112.396,29.362,2500,", ",116.396,29.362,2500,", "outside the outline"),
    ("gazetteer.csv", ",112.396,29.362,2500,", ",112.396,29.362,2500,x,", "cells where"),
    ("gazetteer.csv", "nanzhou-t01", "maocaojie-t01", "stands twice"),
    ("gazetteer.csv", "张公塘村|张公塘", "张公塘村|班嘴村", "is also"),
    ("boundaries.geojson", "[112.6, 29.42]", "[112.6, 29.5]", "overlap"),
    ("boundaries.geojson", "[112.215, 29.46]", "[NaN, 29.46]", "no Polygon"),
    ("boundaries.geojson", '"region": "430981"', '"region": "430982"', "unknown region '430982'"),
    ("ems.toml", "road_speed_kmh = 45.0", "road_speed_kmh = 0", "must be above 0"),
    ("ems.toml", '"medical.cardiac" = "I"', '"medical.cardiac" = "V"', "triage 'V'"),
    ("ems.toml", '"chest_pain"\n', '"heart"\n', "no hospital has the capability"),
    ("policy.toml", 'name = "南县"', "name = 南县", "not TOML"),
    ("policy.toml", 'name = "南县"', 'nmae = 1\nname = "南县"', "unknown field 'nmae'"),
    ("policy.toml", "return_urgent_s = 60", "return_urgent_s = -60", "return_urgent_s must be 1 to"),
    ("policy.toml", "confidence_min = 0.5", "confidence_min = 5.0", "confidence_min must be 0 to 1, not 5.0"),
    ("policy.toml", "known_id_days = 36", "known_id_days = 3", "known_id_days must be 35 to"),
    ("policy.toml", '120 = "ems_dispatcher"', '120 = "ems_dispacher"', "unknown role 'ems_dispacher'"),
    ("policy.toml", '110 = "call_taker"', '110 = "call_taker"\n113 = "call_taker"', "unknown line '113'"),
    ("policy.toml", 'served_by = "430921"', 'served_by = "430623"', "in a circle: 430623 → 430623"),
    ("kinds.toml", "[[kind]]", "[[kindd]]\n[[kind]]", "unknown field 'kindd'"),
    ("kinds.toml", "priority = 1", 'priority = "1"', 'priority must be a whole number, not "1"'),
    ("kinds.toml", 'lead = "nanxian-120"', 'lead = "nanxian-fire"', "medical.cardiac is led by nanxian-fire"),
    ("agencies.toml", "days = [1, 2, 3, 4, 5, 6, 7]", "days = [0, 8]", "days [0, 8] are not 1 to 7"),
    ("limits.toml", "seconds = 10", "seconds = -10", "seconds must be above 0, not -10"),
    ("limits.toml", "seconds = 10", "seconds = 10\nred_working_days = -1", "red_working_days must not be negative"),
    ("ems.toml", "I = 480", "I = -480", "arrival time of triage I must be a whole number of seconds"),
    ("ems.toml", "I = 480", 'I = "480"', "arrival time of triage I must be a whole number of seconds"),
    ("ems.toml", "lon = 112.401", "lon = 412.401", "nanxian-amb-01 stands nowhere (412.401"),
    ("ems.toml", 'type = "ALS"', 'type = "als"', "type must be one of ALS, BLS"),
    ("gazetteer.csv", ",112.396,29.362,2500,", ',"112.396,29.362,2500,', "a quotation mark that is not closed"),
    (
        "boundaries.geojson",
        '"features"',
        '"crs": {"properties": {"name": "GCJ02"}}, "features"',
        "another system (GCJ02)",
    ),
    ("boundaries.geojson", '"type": "FeatureCollection"', '"type": "FeatureCollection",', "not JSON: "),
    ("boundaries.geojson", '"Polygon"', '"LineString"', "is no Polygon but 'LineString'"),
    ("boundaries.geojson", '"region": "430981"', '"name": "430981"', "an outline without its region"),
    ("boundaries.geojson", '"coordinates": [[', '"coordinates": [[[112.5, 29.3]]], "x": [[', "has 1 corners"),
]


MENDS = [
    (
        "kinds.toml",
        'joint = ["nanxian-gas"]',
        'joint = ["nanxian-gaz"]',
        "'nanxian-gaz'",
        "did you mean 'nanxian-gas'?",
    ),
    ("kinds.toml", 'label_en = "Vehicle fire"', 'lable_en = "x"', "'lable_en'", "did you mean 'label_en'?"),
    ("raises.toml", '"fire.*"', '"fires.*"', "'fires.*'", "did you mean 'fire.*'?"),
    ("limits.toml", 'clock = "callback"', 'clock = "callbak"', "clock must be", 'write clock = "callback"'),
    ("policy.toml", 'name = "南县"', "name = “南县”", "not TOML", "half-width signs instead of “ ”"),
    ("policy.toml", 'name = "南县"', 'name = "南县"\nname = "县"', "not TOML", "keep one"),
    ("linking.toml", '"crime.reported"]', '"crime.reported"', "not TOML", "close the list that begins here"),
    ("boundaries.geojson", "[112.215, 29.46]", "[29.46, 112.215]", "is no place", "longitude comes first"),
    ("boundaries.geojson", "[112.215, 29.46]", "[37512215, 3259460]", "is no place", "degrees of WGS84"),
    ("kinds.toml", "priority = 1", 'priority = "one"', "whole number", "priority = 1, a whole number without quotes"),
]


@pytest.mark.parametrize(("file", "old", "new", "what", "mend"), MENDS)
def test_the_mend_is_one_that_can_be_typed(copy: Path, file: str, old: str, new: str, what: str, mend: str) -> None:
    """The nearest name, the sign to write, the line as it should be; told at the line that was changed."""
    line = (copy / file).read_text().split(old)[0].count("\n") + 1
    told = [f for f in broken(copy, file, old, new) if what in f.what]
    assert mend in told[0].mend
    assert line <= told[0].line <= line + 1


def test_lines_are_found_however_a_row_is_written(copy: Path) -> None:
    """A remark behind the head of a row, no blanks round the sign."""
    text = (
        (copy / "kinds.toml")
        .read_text()
        .replace("[[kind]]", "[[kind]]  # a kind")
        .replace("priority = 3", "priority=9", 1)
    )
    (copy / "kinds.toml").write_text(text)
    [found] = check_policy(copy)
    assert found.line == next(n for n, t in enumerate(text.split("\n"), 1) if t == "priority=9")


def test_every_file_that_cannot_be_parsed_is_told_at_once(copy: Path) -> None:
    """The parser stops at the first slip of a file, never at the first file."""
    for name in TOML_FILES:
        text = (copy / name).read_text(encoding="utf-8")
        (copy / name).write_text(f"x = = 1\n{text}", encoding="utf-8")
    found = check_policy(copy)
    assert [(f.file, f.line) for f in found] == [(name, 1) for name in TOML_FILES]


def test_faults_of_several_files_are_told_at_once(copy: Path) -> None:
    """One file that cannot be parsed hides nothing of the others: form and meaning of all that hangs on sound files."""
    for file, old, new in (
        ("policy.toml", 'name = "南县"', "name = 南县"),
        ("ems.toml", 'type = "ALS"', 'type = "als"'),
        ("limits.toml", "seconds = 10", "seconds = -10"),
        ("raises.toml", '"fire.*"', '"fires.*"'),
    ):
        text = (copy / file).read_text()
        (copy / file).write_text(text.replace(old, new, 1))
    found = check_policy(copy)
    assert {f.file for f in found} == {"policy.toml", "ems.toml", "raises.toml", "limits.toml"}


@pytest.mark.parametrize(
    ("days", "hours", "when"),
    [
        ("[1, 2, 3, 4, 5]", '"00:00", to_time = "00:00"', "Saturday at 00:00"),
        ("[1, 2, 3, 4, 5, 6, 7]", '"08:00", to_time = "20:00"', "Monday at 00:00"),
        ("[1, 2, 3, 4, 5, 6, 7]", '"20:00", to_time = "19:30"', "Monday at 19:30"),
    ],
)
def test_a_roster_with_a_hole_and_no_duty_officer_is_a_finding(copy: Path, days: str, hours: str, when: str) -> None:
    """The first minute of the week with nobody; a duty officer, or shifts over midnight that meet, have none."""
    text = (copy / "agencies.toml").read_text()
    begin, end = text.index('duty = "杨夜"'), text.index("[[agency]]", text.index('duty = "杨夜"'))
    roster = f'roster = [\n  {{ name = "陈安", days = {days}, from_time = {hours} }},\n]\n\n'
    (copy / "agencies.toml").write_text(text[:begin] + roster + text[end:])
    [found] = check_policy(copy)
    assert f"the roster of nanxian-command has a hole: nobody answers on {when}" in found.what
    (copy / "agencies.toml").write_text(text[:begin] + 'duty = "杨夜"\n' + roster + text[end:])
    assert check_policy(copy) == []


def test_outlines_in_cgcs2000_or_wgs84_by_name_hold(copy: Path) -> None:
    """The county's own survey system lies within centimetres of WGS84; both may be named."""
    text = (copy / "boundaries.geojson").read_text()
    for name in ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4490", "urn:ogc:def:crs:EPSG::4326"):
        crs = f'"crs": {{"type": "name", "properties": {{"name": "{name}"}}}}, "features"'
        (copy / "boundaries.geojson").write_text(text.replace('"features"', crs, 1))
        assert check_policy(copy) == []


def test_an_outline_with_a_hole_or_not_closed_is_told_as_that(copy: Path) -> None:
    """A hole would be read as filled; a ring is closed by its first corner."""
    text = (copy / "boundaries.geojson").read_text()
    start = text.index("[[[")
    end = text.index("]]]", start)
    hole = "], [[112.4, 29.3], [112.41, 29.3], [112.4, 29.31], [112.4, 29.3]]]"
    (copy / "boundaries.geojson").write_text(text[: end + 1] + hole + text[end + 3 :])
    assert "has a hole, which is not read" in check_policy(copy)[0].what
    (copy / "boundaries.geojson").write_text(text[:end] + "], [112.3, 29.3]]]" + text[end + 3 :])
    assert "is not closed" in check_policy(copy)[0].what


def test_text_of_another_encoding_is_told_at_its_line(copy: Path) -> None:
    """A file saved as GBK: the line with the first such letter."""
    lines = (copy / "calendar.toml").read_text().split("\n")
    lines.insert(3, 'source = "节假日"')
    (copy / "calendar.toml").write_bytes("\n".join(lines).encode("gbk"))
    [found] = check_policy(copy)
    assert (found.line, found.mend) == (4, "save the file as UTF-8")


def test_weights_that_are_all_nothing_are_a_finding(copy: Path) -> None:
    """Then no call would ever be linked: refused, not divided by."""
    text = (copy / "linking.toml").read_text()
    head, _, rest = text.partition("[weights]\n")
    _, _, after = rest.partition("\n\n")
    zeros = "".join(f"{p} = 0\n" for p in ("kind", "distance", "gap", "caller", "address"))
    (copy / "linking.toml").write_text(f"{head}[weights]\n{zeros}\n{after}")
    assert [f.what for f in check_policy(copy)] == ["all weights are 0: nothing would count"]


@pytest.mark.parametrize(("file", "old", "new", "what"), CASES)
def test_a_fault_is_found_at_its_file_and_line(copy: Path, file: str, old: str, new: str, what: str) -> None:
    """Each kind of fault has a finding that names what is wrong, in that file, with a mend; nothing is loaded."""
    found = broken(copy, file, old, new)
    told = [f for f in found if what in f.what]
    assert told, found[:5]
    assert all(f.mend for f in found)
    assert told[0].file == file


def test_a_finding_points_to_the_line(copy: Path) -> None:
    """The line is that of the value at fault, within its own row."""
    found = broken(copy, "kinds.toml", 'joint = ["nanxian-gas"]', 'joint = ["nanxian-gaz"]')
    text = (copy / "kinds.toml").read_text().split("\n")
    assert [f.line for f in found] == [next(i for i, t in enumerate(text, 1) if "nanxian-gaz" in t)]


def test_a_missing_limit_is_a_finding(copy: Path) -> None:
    """A clock without any limit would never run: refused."""
    text = (copy / "limits.toml").read_text()
    (copy / "limits.toml").write_text(text.replace('clock = "review"', 'clock = "callback"'))
    assert any("the clock review has no limit" in f.what for f in check_policy(copy))


def test_a_circle_of_refinements_is_a_finding(copy: Path) -> None:
    """A kind that would be refined back into itself is refused."""
    with (copy / "lexicon.toml").open("a") as f:
        f.write('\n[[refine]]\nkind = "traffic.injury"\nraises = "many"\nto = "traffic.damage"\n')
    assert any("in a circle" in f.what for f in check_policy(copy))


@pytest.mark.parametrize(
    "row", ['kinds = ["fire.tree"]\nto = ["fire.building"]', 'kinds = ["fire.vehicle"]\nto = ["fire.house"]']
)
def test_an_unknown_kind_in_a_row_of_the_nearer_subject_is_a_finding(copy: Path, row: str) -> None:
    """Either side of it names kinds of kinds.toml, and is told at its row."""
    with (copy / "lexicon.toml").open("a") as f:
        f.write(f"\n[[nearer]]\n{row}\n")
    lines = (copy / "lexicon.toml").read_text().split("\n")
    found = [f for f in check_policy(copy) if f.file == "lexicon.toml"]
    last = max(i for i, t in enumerate(lines, 1) if t == "[[nearer]]")
    assert found
    assert all("fire.tree" in f.what or "fire.house" in f.what for f in found)
    assert all(f.line is not None and f.line >= last for f in found)


@pytest.mark.parametrize("name", ["kinds.toml", "gazetteer.csv", "boundaries.geojson", "lexicon.toml"])
def test_a_missing_or_unreadable_file_is_a_finding(copy: Path, name: str) -> None:
    """Without a file, or with one that is no text, the whole is refused."""
    (copy / name).write_bytes(b"\xff\xfe\x00broken")
    assert any(f.file == name for f in check_policy(copy))
    (copy / name).unlink()
    assert any(f.file == name and "missing" in f.what for f in check_policy(copy))


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    """No files, no policy; each missing file is named."""
    assert len(check_policy(tmp_path)) == 11


def test_an_empty_gazetteer_is_no_gazetteer(copy: Path) -> None:
    """A file cut to nothing would leave the county without places, unnoticed: its columns are asked for."""
    (copy / "gazetteer.csv").write_text("")
    assert [(f.file, f.line, f.what) for f in check_policy(copy)] == [("gazetteer.csv", 1, "there are no columns")]


def test_toml_that_breaks_off_is_told_at_its_last_line(copy: Path) -> None:
    """The parser says "at end of document": that is a line too, the one to look at."""
    text = (copy / "kinds.toml").read_text() + "x = ["
    (copy / "kinds.toml").write_text(text)
    assert [(f.file, f.line) for f in check_policy(copy)] == [("kinds.toml", len(text.split("\n")))]
