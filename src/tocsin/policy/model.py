"""A policy as one immutable value: everything a rule may consult. Pure; `load` reads it, `check` judges it.

Every number has its source beside it (`source`), shown by `explain`.
"""

from typing import Literal

from msgspec import Struct, field

from tocsin.incident.values import AgencyClass, ClockName, Role
from tocsin.place import Point


class Row(Struct, frozen=True):
    """A line of a policy."""


class Shift(Row, frozen=True):
    """Who answers for an agency when: days 1 (Monday) to 7, times HH:MM local; `name` is made up."""

    name: str
    days: list[int]
    from_time: str
    to_time: str


class Agency(Row, frozen=True):
    """An agency. `regions` are those it serves; `duty` answers out of hours; `said` is what callers call it.

    `capabilities` are what it can bring, of which a plan may need some.
    """

    id: str
    label: str
    label_en: str
    agency_class: AgencyClass
    type: Literal["government", "utility", "social", "township"]
    regions: list[str]
    roster: list[Shift] = []
    duty: str = ""
    external_ids: dict[str, str] = {}
    said: list[str] = []
    capabilities: list[str] = []


class Complaints(Row, frozen=True):
    """Words by which a caller complains of an agency.

    `verbs` say that it is a complaint, `reports` do where a blame is said too, `blame` is what is complained of.
    `between` may stand between a verb and the name. A name with one of `places` after it is only where (or how
    many), with one of `feigned` before it only whom somebody played. Without any verb it is a complaint too where one
    of `deeds` is said of an agency's people right after their name, or one of `blows` was suffered from them; `still`
    may stand between. Conduct blamed is a matter of `kind`, never an emergency for those who are blamed.
    """

    verbs: list[str] = []
    reports: list[str] = []
    blame: list[str] = []
    between: list[str] = []
    places: list[str] = []
    feigned: list[str] = []
    deeds: list[str] = []
    blows: list[str] = []
    still: list[str] = []
    kind: str = ""


class Region(Row, frozen=True):
    """A region. `own` ones have a plan of their own; the others are neighbours by name, `served_by` an own region."""

    id: str
    label: str
    label_en: str
    own: bool
    neighbours: list[str] = []
    served_by: str = ""


class PlanAgency(Row, frozen=True):
    """An agency of a response plan."""

    agency: str
    role: Role


class Kind(Row, frozen=True):
    """A kind of matter and its response plan; `limit` names the promise of hotline kinds.

    `needs`: what an agency of the plan is to bring, by agency.
    """

    code: str
    label: str
    label_en: str
    priority: int
    plan: list[PlanAgency]
    review: bool = False
    group: str = ""
    limit: str = ""
    urn: str = ""
    cap_category: str = "Other"
    eido: str = ""
    confidential: bool = False
    needs: dict[str, list[str]] = {}


class Raise(Row, frozen=True):
    """What a call can say that raises a kind's plan: agencies are added, the priority becomes at least `priority`.

    `kinds` are codes: the file's `group.*` is written out by `load`.
    """

    name: str
    kinds: list[str]
    agencies: list[str]
    priority: int
    source: str = ""
    needs: dict[str, list[str]] = {}


class Limit(Row, frozen=True):
    """A time limit. The first row whose conditions all hold sets the clock; empty conditions hold always.

    `seconds` of clock time (`night_seconds` where it begins at night, by the calendar's hours), or `working_days`
    counted from the next working day; `warn_share` of a short clock, or `warn_working_days` before the end; `kinds` are
    codes (`group.*` is written out by `load`), `limits` the kinds' own `limit`; `asks` holds for a call
    that asks alone. Red after `red_factor` times a short limit or `red_working_days` past the end.
    """

    clock: ClockName
    source: str
    seconds: int | None = None
    working_days: int | None = None
    same_day: bool = False
    lines: list[str] = []
    kinds: list[str] = []
    limits: list[str] = []
    priorities: list[int] = []
    agency_classes: list[str] = []
    settings: list[str] = []
    asks: bool = False
    warn_share: float = 0.2
    warn_working_days: int = 1
    red_factor: float = 2.0
    red_working_days: int = 5
    night_seconds: int | None = None


class Linking(Row, frozen=True):
    """How calls are linked: weights of the parts (kind, distance, gap, caller, address), and the two thresholds.

    `kind_pairs` holds "a|b" with the codes in alphabetical order; a kind with itself is 1 and not listed.
    The tables and lists below name a kind or `group.*`. `gap_factors` and `distance_factors` stretch gap and
    distance, those below 1 only for joining (what is suggested is found as far as ever);
    later than `joined_within_s` after the last call or farther than `joined_within_m`, a stranger's call is only
    suggested. `own_matters` are each
    caller's own: a stranger's is only suggested.
    `apart` names raises that contradict each other: only suggested.
    `asking` names what a call raises that asks after help sent before; `asking_factor` stretches its gap.
    """

    link_at: float
    suggest_at: float
    distance_half_m: float
    distance_max_m: float
    gap_half_s: float
    gap_max_s: float
    weights: dict[str, float]
    kind_pairs: dict[str, float]
    reopen_within_s: int
    border_m: float
    gap_factors: dict[str, float] = {}
    distance_factors: dict[str, float] = {}
    joined_within_s: dict[str, float] = {}
    joined_within_m: dict[str, float] = {}
    own_matters: list[str] = []
    apart: dict[str, list[str]] = {}
    asking: str = ""
    asking_factor: float = 1.0
    source: str = ""


class Calendar(Row, frozen=True):
    """Working days: dates (YYYY-MM-DD) that differ from the plain week, and the years they are known for."""

    holidays: frozenset[str]
    workdays: frozenset[str]
    years: list[int]
    opens: str = "09:00"
    closes: str = "17:00"
    night_from: str = "20:00"
    night_to: str = "08:00"


class GazetteerEntry(Row, frozen=True):
    """A named place. `names` are all its spellings; `radius_m` is how far the name reaches."""

    id: str
    kind: Literal["town", "village", "road", "landmark", "crossing"]
    names: list[str]
    region: str
    town: str
    point: Point
    radius_m: float
    setting: Literal["town", "suburb", "village"] = "village"


class Term(Row, frozen=True):
    """A row of the lexicon: words that speak for a kind with a weight, or name a danger, a raise, a hazard.

    `kind` "" for words that only raise. `danger` marks danger to life, looked for on every line before shedding.
    """

    words: list[str]
    kind: str = ""
    weight: float = 1.0
    danger: bool = False
    raises: list[str] = []
    hazard: str = ""
    lines: list[str] = []


class Refine(Row, frozen=True):
    """A kind becomes another when the call says this: a crash with people trapped is no longer a crash with damage."""

    kind: str
    raises: str
    to: str


class Absorb(Row, frozen=True):
    """Kinds that are part of a larger matter of `into` told in the same call."""

    kinds: list[str]
    into: list[str]


class Nearer(Row, frozen=True):
    """Kinds told by a subject and what it does, which give way where a nearer subject of a kind of `to` does it."""

    kinds: list[str]
    to: list[str]


class Lexicon(Row, frozen=True):
    """The words: terms, negations, signs that a matter is past or only asked about, and slips to fold into right forms.

    In a word `[a|b]` stands for either, `{slot}` for a list of `slots`, `*` for up to six characters of one clause,
    `~` for up to sixteen of one sentence. `letter` are words of those who write to an office. `masks` are longer words
    that hold a dangerous one and mean something else; `live` signs overrule `topic` and `past`; `unreal` ones (drills,
    films) are overruled by nothing but `real` ones; `supposed` ones (if, in case) reach the words right after them.
    `denied` names what is raised where another raise's words are said only to be denied. With a word of `consult` and
    none of `complain` a call asks (Understanding.asks).
    """

    terms: list[Term]
    negations: list[str]
    past: list[str]
    consult: list[str]
    fold: dict[str, str]
    version: str = ""
    topic: list[str] = []
    ended: list[str] = []
    live: list[str] = []
    now: list[str] = []
    unreal: list[str] = []
    supposed: list[str] = []
    real: list[str] = []
    separators: list[str] = []
    masks: list[str] = []
    letter: list[str] = []
    complain: list[str] = []
    slots: dict[str, list[str]] = {}
    refine: list[Refine] = []
    absorb: list[Absorb] = []
    nearer: list[Nearer] = []
    denied: dict[str, str] = {}
    sounds: list[str] = []
    """Letters of one sound; those behind `|` may be the right one, a slip they never are (`tocsin.enrich.slips`)."""
    misheard: list[str] = []
    spared: list[str] = []
    hearing: str = ""
    """The text of hearing.tsv (`tocsin.policy.hearing`), "" where there is none."""


class UnitRow(Row, frozen=True):
    """An ambulance of the sample."""

    id: str
    label: str
    type: Literal["ALS", "BLS"]
    station: str
    position: Point


class HospitalRow(Row, frozen=True):
    """A hospital of the sample."""

    id: str
    label: str
    capabilities: list[str]
    beds: int
    position: Point


def _triage_answers() -> dict[str, str]:
    return {
        "breathing=no": "I", "breathing=difficult": "I", "conscious=no": "I", "bleeding=severe": "I",
        "chest_pain=yes": "I", "stroke_signs=yes": "I", "seizure=yes": "II", "bleeding=some": "II", "trapped=yes": "II",
        "pregnant=labour": "II", "pain=severe": "II", "walking=yes": "IV",
        "unconscious=yes": "I",
    }  # fmt: skip


class Ems(Row, frozen=True):
    """The 120 centre's figures.

    `triage` is the level a kind begins with (key "" for the rest), `triage_answers` what an answer makes of it (key
    `question=answer`; the most urgent counts). Units whose travel times differ by `tie_s` at most are equally near: the
    one idle longest goes. For `silent_s` after a missed acknowledgement a unit goes only where none else can.
    `missions_max` bounds the missions of one incident, `candidates_max` those an event lists.
    """

    acknowledge_s: int
    road_speed_kmh: float
    road_factor: float
    mass_casualty_at: int
    position_age_max_s: int
    triage: dict[str, str]
    arrival_s: dict[str, int]
    als_for: list[str]
    hospital_for: dict[str, str]
    source: str = ""
    triage_answers: dict[str, str] = field(default_factory=_triage_answers)
    tie_s: int = 30
    silent_s: int = 600
    missions_max: int = 30
    candidates_max: int = 40


class Policy(Row, frozen=True):
    """The whole. `hash` is `sha256:` and the digest of the directory's files."""

    name: str
    version: str
    hash: str
    default_region: str
    command_region: str
    command_agency: str
    inspection_agency: str
    regions: dict[str, Region]
    agencies: dict[str, Agency]
    kinds: dict[str, Kind]
    raises: list[Raise]
    limits: list[Limit]
    linking: Linking
    calendar: Calendar
    gazetteer: list[GazetteerEntry]
    polygons: dict[str, list[list[tuple[float, float]]]]
    lexicon: Lexicon
    first_receivers: dict[str, str]
    seat_roles: dict[str, str]
    units: list[UnitRow]
    hospitals: list[HospitalRow]
    ems: Ems
    return_urgent_s: int
    return_routine_working_days: int
    transfers_before_command: int
    known_id_days: int = 36
    archive_after_days: int = 40
    confidence_min: float = 0.5
    dropped_within_s: float = 2.0
    complaints: Complaints = Complaints()
