"""What `doctor` says of the policy."""

from pathlib import Path

import pytest

from tocsin.cli.checks_policy import check_model, check_policy
from tocsin.policy.activate import Active, keep_policy, mark_active
from tocsin.policy.load import load_policy
from tocsin.runtime.settings import Settings

SAMPLE = Path(__file__).resolve().parents[3] / "policy" / "nanxian"
NOW_MS = 1_775_000_000_000
"""In 2026, whose working days are published."""


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A directory that a person edits."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for f in SAMPLE.iterdir():
        (folder / f.name).write_bytes(f.read_bytes())
    return folder


def edited(named: Path) -> None:
    """One figure changed."""
    table = named / "linking.toml"
    table.write_text(table.read_text().replace("link_at = 0.72", "link_at = 0.75"))


def test_a_directory_changed_since_is_told_and_how_to_put_it_in_force(named: Path, tmp_path: Path) -> None:
    """Services began with a copy: an edit alone changes nothing, and whoever looks for why is told."""
    policy, data = load_policy(named), tmp_path / "data"
    kept = Settings(data_dir=data, policy_dir=keep_policy(named, policy, data))
    assert "policy on disk" not in [c.name for c in check_policy(kept, NOW_MS, named)]
    edited(named)
    told = {c.name: c for c in check_policy(kept, NOW_MS, named)}
    assert told["policy"].found.endswith(policy.hash[:19]), "what is in force, not what stands on the disk"
    assert told["policy on disk"].state == "warning"
    assert f"tocsin policy activate {named}" in told["policy on disk"].mend


def test_a_kept_copy_is_never_the_one_to_edit(named: Path, tmp_path: Path) -> None:
    """A year the calendar does not know: the mend names the directory a person edits, else a copy to be made."""
    data = tmp_path / "data"
    kept = Settings(data_dir=data, policy_dir=keep_policy(named, load_policy(named), data))
    far_ms = NOW_MS + 20 * 366 * 86_400_000
    mends = [{c.name: c.mend for c in check_policy(kept, far_ms, n)}["calendar"] for n in (None, named)]
    assert "tocsin policy copy DIR" in mends[0]
    assert str(data) not in mends[0]
    assert str(named / "calendar.toml") in mends[1]


def test_a_model_that_cannot_be_used_is_a_warning_with_its_mend(tmp_path: Path) -> None:
    """Calls go on by the lexicon, so nothing fails; where none was asked for there is nothing to say."""
    [told] = check_model(Settings(data_dir=tmp_path, policy_dir=SAMPLE, model_dir=tmp_path / "none"))
    assert (told.name, told.state) == ("text model", "warning")
    assert "there is no model in" in told.found
    assert "tocsin train FILE" in told.mend
    assert list(check_model(Settings(data_dir=tmp_path, policy_dir=SAMPLE))) == []


def test_a_policy_put_in_force_since_is_the_one_told(named: Path, tmp_path: Path) -> None:
    """Activated from its own directory, in place: nothing is behind, and its hash is the one shown."""
    policy, data = load_policy(named), tmp_path / "data"
    kept = Settings(data_dir=data, policy_dir=keep_policy(named, policy, data))
    edited(named)
    newer = load_policy(named)
    keep_policy(named, newer, data)
    mark_active(data / "policies", Active(policy=newer.hash, over=policy.hash))
    told = {c.name: c for c in check_policy(kept, NOW_MS, named)}
    assert told["policy"].found.endswith(newer.hash[:19])
    assert "policy on disk" not in told
