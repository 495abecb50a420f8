"""Names of places in words: exact, by the ear (homophones folded), crossings of two roads, near misses by n-grams."""

import re
from collections import Counter
from typing import NamedTuple

import ahocorasick
from rapidfuzz import fuzz

from tocsin.enrich.normal import normalise
from tocsin.policy.model import GazetteerEntry, Policy

# Letters that callers and input methods take for one another here (n/l, h/f, s/sh, in/ing and plain homophones).
_CONFUSED = (
    "茅矛毛卯/浪朗郎廊/拔坝把八巴/湖胡壶糊福扶/厂场昌敞常/窖窑教叫较/华花划滑/阁格各/嘴咀最醉/"
    "青清轻倾/武伍五午/圣胜盛声生/宫公工功弓/麻马玛码/河和合何荷禾/仙先鲜线/鱼渔余于/乌屋吴污/"
    "兴新星心欣/街接阶/路陆鹿录/南兰蓝难/洲州周舟/德得/桂贵/大打达/通同铜童/道到/振阵/人仁任/"
    "民明名鸣/藕偶呕/池迟/沱陀驼/江将姜/桥乔侨/草曹/运云/环还/城成程/东冬董/西希溪/北背/"
    "建件健/设社/火伙/箭剑/赤尺/松宋/颜言严/解界/放方芳/育玉裕/才财材/文闻/化话/园原元源圆/"
    "罗洛锣/团图/三山/利力立丽/群裙/中钟忠/口扣/刘流柳/家加佳/杨阳羊洋/岭领玲/白百/浩好/"
    "港岗/沙杀/季记/堤提/小晓/渔余/医衣/塘堂唐糖/张章/班斑/荷禾/新辛/堰燕/尚上/裕余/站占/"
    "院苑/长常昌/春村存/丰风封/安庵/平坪/复富付/永勇/固古/德德/汉旱/寿受/全泉/向象/益宜"
)
_RANK = {"crossing": 4, "landmark": 3, "village": 2, "road": 1, "town": 0}
_FUZZY_MIN = 84.0
_CANDIDATES = 8
_SHORT = 2
_CROSSING = re.compile(r"路口|交叉|交汇|十字|岔口|交界|转角|拐角")
_NUMBER = re.compile(r"\d+(?:号|栋|单元|室|组|楼|弄|巷)?")
_HOUSE = re.compile(r"\d+(?:号|栋|单元|室|组|弄)")
_PIECES = re.compile(
    r"[^,。!?;()\s]{1,12}?(?:镇|乡|村|组|路|街|道|巷|号|栋|单元|室|小区|苑|园|院|桥|口)|[^,。!?;()\s]{2,12}"
)
_PIECES_MAX = 12
_TOWN_ONLY = re.compile(r"(?:湖南省|益阳市|南县)*(?:这边|那边|附近|街上|镇上|集镇|街道|里|的|,|。)*")
"""What may stand beside a town's name in an address that names the town alone."""


class Match(NamedTuple):
    """An entry found for words: 1.0 as written, less by the ear or the n-grams."""

    entry: GazetteerEntry
    score: float
    words: str


class _Name(NamedTuple):
    entry: GazetteerEntry
    name: str
    folded: str


def _folding() -> dict[int, str]:
    table: dict[int, str] = {}
    for group in _CONFUSED.split("/"):
        for letter in group:
            table.setdefault(ord(letter), group[0])
    return table


_FOLD = {chr(c): letter for c, letter in _folding().items() if chr(c) != letter}
_confused = re.compile(f"[{''.join(_FOLD)}]").sub


def folded(text: str) -> str:
    """A normalised text by the ear."""
    return _confused(lambda m: _FOLD[m.group()], text)


class Gazetteer:
    """The index over a policy's named places. Immutable."""

    def __init__(self, policy: Policy) -> None:
        self._own = {r.id for r in policy.regions.values() if r.own}
        self._names = [_Name(e, n, folded(n)) for e in policy.gazetteer for n in map(normalise, e.names)]
        self._labels = {normalise(r.label): r.id for r in policy.regions.values()}
        grouped: dict[str, list[_Name]] = {}
        for name in self._names:
            grouped.setdefault(name.folded, []).append(name)
        automaton = ahocorasick.Automaton()
        for key, names in grouped.items():
            automaton.add_word(key, (len(key), tuple(names)))
        automaton.make_automaton()
        self._automaton = automaton
        self._grams: dict[str, list[int]] = {}
        for i, name in enumerate(self._names):
            for gram in {name.folded[k : k + 2] for k in range(len(name.folded) - 1)}:
                self._grams.setdefault(gram, []).append(i)
        self._crossings = self._roads()

    def _roads(self) -> dict[frozenset[str], GazetteerEntry]:
        roads = [n for n in self._names if n.entry.kind == "road"]
        found: dict[frozenset[str], GazetteerEntry] = {}
        for n in self._names:
            if n.entry.kind == "crossing":
                inside = {r.entry.id for r in roads if r.name in n.name}
                if len(inside) == 2:  # noqa: PLR2004 - a crossing is of two roads
                    found[frozenset(inside)] = n.entry
        return found

    def region_named(self, address: str) -> str:
        """The region whose full name stands in a normalised address; "" where none or several do."""
        named = {r for label, r in self._labels.items() if label in address}
        return named.pop() if len(named) == 1 else ""

    def exact(self, text: str, *, loose: bool) -> list[Match]:
        """Entries named in a normalised text, best first. Names of two letters count in addresses (`loose`) only."""
        heard = folded(text)
        found: dict[str, Match] = {}
        for end, (length, names) in self._automaton.iter(heard):
            words = text[end - length + 1 : end + 1]
            for name in names:
                same = words == name.name
                if (length <= _SHORT and not (same and loose)) or (not same and name.entry.region not in self._own):
                    continue
                score = 1.0 if same else 1.0 - 0.3 * sum(a != b for a, b in zip(words, name.name, strict=True)) / length
                before = found.get(name.entry.id)
                if before is None or (score, length) > (before.score, len(before.words)):
                    found[name.entry.id] = Match(name.entry, round(score, 3), words)
        return self._ranked(text, list(found.values()))

    def _ranked(self, text: str, matches: list[Match]) -> list[Match]:
        if len(matches) < 2:  # noqa: PLR2004 - one needs no ranking
            return matches
        roads = [m.entry.id for m in matches if m.entry.kind == "road"]
        if len(roads) >= 2 and _CROSSING.search(text):  # noqa: PLR2004 - two roads that meet
            for i, a in enumerate(roads):
                for b in roads[i + 1 :]:
                    crossing = self._crossings.get(frozenset((a, b)))
                    if crossing is not None and all(m.entry.id != crossing.id for m in matches):
                        matches.append(Match(crossing, 0.97, text[:24]))
        towns = {m.entry.town for m in matches if m.entry.kind == "town" and m.score > 0.9}  # noqa: PLR2004 - as written

        def order(m: Match) -> tuple[float, float, int, str]:
            agrees = 1.0 if not towns or m.entry.town in towns else 0.0
            return (-agrees, -(_RANK[m.entry.kind] + m.score * 2 + len(m.words) * 0.3), -len(m.words), m.entry.id)

        return sorted(matches, key=order)

    def fuzzy(self, address: str, town: str = "") -> Match | None:
        """The nearest name of an own region, where near enough; within `town` where one is known."""
        heard = folded(address)
        votes: Counter[int] = Counter()
        for gram in {heard[k : k + 2] for k in range(len(heard) - 1)}:
            votes.update(self._grams.get(gram, ()))
        best: Match | None = None
        for i, shared in votes.most_common(_CANDIDATES):
            name = self._names[i]
            few = shared < max(2, (len(name.folded) - 1) // 2)
            if (
                few
                or name.entry.region not in self._own
                or (town and name.entry.town != town)
                or name.entry.kind == "town"
                or len(name.folded) > len(heard) + 1  # a town's name alone is not its town hall
            ):
                continue
            score = fuzz.partial_ratio(name.folded, heard)
            if score >= _FUZZY_MIN and (best is None or (score, len(name.name)) > (best.score * 100, len(best.words))):
                best = Match(name.entry, round(score / 100, 3), name.name)
        return best

    def find(self, address: str, text: str) -> Match | None:
        """The best place for a normalised address, else for the words of the call."""
        named = self.exact(address, loose=True) if address else []
        if named and named[0].entry.kind != "town":
            return named[0]
        if named and _TOWN_ONLY.fullmatch(address.replace(named[0].words, "")):
            return named[0]
        if len(address) >= 4:  # noqa: PLR2004 - shorter ones look like anything
            near = self.fuzzy(address, named[0].entry.town if named else "")
            if near is not None:
                return near
        spoken = self.exact(text, loose=False) if text else []
        if spoken and (not named or (spoken[0].entry.kind != "town" and spoken[0].entry.town == named[0].entry.town)):
            return spoken[0]
        return named[0] if named else None

    def spoken(self, address: str, text: str) -> str:
        """The id of the entry smaller than a town that an address, else the words, name as written; "" for none."""
        for words, loose in ((address, True), (text, False)):
            match = self.exact(words, loose=loose)[:1] if words else []
            if match and match[0].entry.kind != "town":
                return match[0].entry.id
        return ""


def parts_of(address: str) -> list[str]:
    """A normalised address's parts, for comparing under a key: names by the ear, numbers apart; bounded."""
    heard = folded(address)
    parts = [*_PIECES.findall(_NUMBER.sub(",", heard)), *_NUMBER.findall(heard)]
    return list(dict.fromkeys(parts))[:_PIECES_MAX]


def is_house(part: str) -> bool:
    """Whether a part of an address is a house's, stair's or room's number."""
    return _HOUSE.fullmatch(part) is not None
