"""Judges a policy directory: everything that is wrong, each with file, line and mend. The whole is refused for any."""

from collections.abc import Callable

from tocsin.policy.check_agencies import check_agencies
from tocsin.policy.check_ems import check_ems
from tocsin.policy.check_figures import check_figures
from tocsin.policy.check_kinds import check_complaints, check_kinds
from tocsin.policy.check_needs import check_needs
from tocsin.policy.check_outlines import check_outlines
from tocsin.policy.check_places import check_gazetteer, check_spots
from tocsin.policy.check_regions import check_regions
from tocsin.policy.check_rules import check_calendar, check_lexicon, check_limits, check_linking, check_raises
from tocsin.policy.check_types import Judge, check_forms
from tocsin.policy.hearing import HearingInvalid, read_hearing
from tocsin.policy.source import BOUNDARIES, GAZETTEER, HEARING, Files, Finding


def check_hearing(judge: Judge) -> None:
    """What was learned is as its manifest says, and of this policy's kinds."""
    text = judge.files.text.get(HEARING, "")
    if not text:
        return
    mend = "make it anew with scripts/hearing.py, or take the file out: the lexicon then goes alone"
    try:
        heard = read_hearing(text)
    except HearingInvalid as e:
        judge.say(HEARING, 1, str(e), mend)
        return
    codes = {k["code"] for k in judge.toml("kinds.toml")["kind"]}
    for kind in heard.kinds:
        if kind not in codes:
            judge.say(HEARING, 1, f"kind {kind!r} is none of kinds.toml", mend)


_MAIN, _AGENCIES, _KINDS, _RAISES = "policy.toml", "agencies.toml", "kinds.toml", "raises.toml"
_PARTS: tuple[tuple[Callable[[Judge], None], tuple[str, ...]], ...] = (
    (check_regions, (_MAIN, _AGENCIES)),
    (check_figures, (_MAIN,)),
    (check_agencies, (_AGENCIES, _MAIN)),
    (check_kinds, (_KINDS, _AGENCIES, _MAIN)),
    (check_complaints, (_MAIN, _KINDS)),
    (check_raises, (_RAISES, _KINDS, _AGENCIES)),
    (check_needs, (_RAISES, _KINDS, _AGENCIES)),
    (check_limits, ("limits.toml", _KINDS)),
    (check_linking, ("linking.toml", _KINDS, _RAISES)),
    (check_calendar, ("calendar.toml",)),
    (check_lexicon, ("lexicon.toml", _KINDS, _RAISES)),
    (check_hearing, (HEARING, _KINDS)),
    (check_ems, ("ems.toml", _KINDS)),
    (check_gazetteer, (GAZETTEER, _MAIN)),
    (check_spots, ("ems.toml",)),
    (check_outlines, (BOUNDARIES, GAZETTEER, _MAIN)),
)
"""What is judged, and the files it reads: with a fault of form in one of them, its meaning is not judged yet."""


def check_files(files: Files) -> list[Finding]:
    """All findings: of form in each file that could be parsed, of meaning where the files it hangs on are sound."""
    judge = Judge(files)
    check_forms(judge)
    faulty = judge.faulty()
    for part, needed in _PARTS:
        if not faulty & set(needed):
            part(judge)
    return [*files.findings, *judge.findings]
