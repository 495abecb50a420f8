"""The secrets a deployment makes for itself on first use."""

from pathlib import Path

import pytest

from tocsin.runtime.security import load_secret


def test_a_secret_that_came_in_between_is_taken_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Services start together: the one that looked too early must not throw away what another already seals under."""
    file = tmp_path / "secrets" / "seal.key"
    others = load_secret(file)
    monkeypatch.setattr(Path, "exists", lambda _: False)  # as it was when this one looked
    assert load_secret(file) == others == file.read_bytes()
    assert [f.name for f in file.parent.iterdir()] == ["seal.key"]


def test_a_secret_is_kept_and_its_owners_alone(tmp_path: Path) -> None:
    """The second reading is the first's; nobody else on the machine reads it."""
    file = tmp_path / "secrets" / "token.key"
    assert load_secret(file) == load_secret(file)
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
