"""What `doctor` says of the policy: it reads, it is the one in force, and its calendar knows the year."""

from datetime import datetime
from pathlib import Path

from tocsin.cli.checked import Check, Checks
from tocsin.codec.text import COUNTY_ZONE
from tocsin.policy.activate import marked_active
from tocsin.policy.load import load_policy
from tocsin.policy.model import Policy
from tocsin.policy.source import PolicyInvalid, policy_hash
from tocsin.runtime.settings import Settings
from tocsin.text.model import open_model


def check_policy(settings: Settings, now_ms: int, named: Path | None = None) -> Checks:
    """The policy reads, what is in force is what stands on the disk, and its calendar covers this year and the next.

    `named` is the directory a person edits, where services began with a copy of it.
    """
    place = named or settings.policy_path
    try:
        policy = _standing(settings)
    except PolicyInvalid as e:
        yield Check("policy", "failure", str(e), f"Run `tocsin policy check {place}` for all of it.")
        return
    yield Check("policy", "ok", f"{policy.name} {policy.version} {policy.hash[:19]}")
    if named is not None and policy_hash(named) not in (policy.hash, policy_hash(settings.policy_path)):
        mend = f"`tocsin policy activate {named}` puts it in force, and so does the next `up`."
        yield Check("policy on disk", "warning", f"{named} was changed since, and is not in force", mend)
    year = datetime.fromtimestamp(now_ms / 1000, COUNTY_ZONE).year
    years = sorted(policy.calendar.years)
    covered = f"covers {years[0]} to {years[-1]}" if years else "covers no year"
    copies = settings.data_dir / "policies"
    if place.is_relative_to(copies):  # the sample, as `up` kept it: a copy is known by its hash, and edited by nobody
        edit = (
            "`tocsin policy copy DIR`, add the year's days off to DIR/calendar.toml, then `tocsin policy activate DIR`"
        )
    else:
        edit = f"Add the year's days off to {place / 'calendar.toml'}, then `tocsin policy activate {place}`"
    mend = f"{edit}; until then weekdays count."
    if year not in policy.calendar.years:
        yield Check("calendar", "failure", f"{covered}, not {year}", mend)
    elif year + 1 not in policy.calendar.years:
        yield Check("calendar", "warning", f"{covered}, not yet {year + 1}", mend)
    else:
        yield Check("calendar", "ok", covered)


def check_model(settings: Settings) -> Checks:
    """The text model that was asked for can be used; nothing to say where none was."""
    if settings.model_dir is None:
        return
    try:
        model, fault = open_model(settings.model_dir, _standing(settings))
    except PolicyInvalid:
        return  # told by check_policy
    if model is not None:
        yield Check("text model", "ok", f"{model.version} in {settings.model_dir}")
    else:
        what, _, mend = fault.partition("; ")
        yield Check("text model", "warning", what, f"{mend[:1].upper()}{mend[1:]}.")


def _standing(settings: Settings) -> Policy:
    """The policy in force: that of the settings, or one put in force over it since."""
    settled = load_policy(settings.policy_path)
    marked = marked_active(settings.data_dir / "policies")
    if marked is None or marked.over != settled.hash or marked.policy == settled.hash:
        return settled
    return load_policy(settings.data_dir / "policies" / marked.policy.removeprefix("sha256:"))
