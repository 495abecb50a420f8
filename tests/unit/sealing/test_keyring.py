"""Sealing: what opens, what never opens again, and that waiting for the disk never holds the loop."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import eventually
from tocsin.runtime.settings import Settings
from tocsin.sealing import KeyMissing, Keyring, KeysUnavailable


@pytest.fixture
def keyring(tmp_path: Path):
    """A keyring of its own."""
    ring = Keyring.open(Settings(data_dir=tmp_path))
    yield ring
    ring.close()


async def test_what_was_sealed_opens_and_shows_nothing(keyring: Keyring) -> None:
    """A sealed token opens to its words, begins with the mark and holds none of them."""
    await keyring.ensure(["c-1"])
    token = keyring.seal("c-1", "茅草街镇新街口着火")
    assert token.startswith("~")
    assert "茅草街" not in token
    assert keyring.unseal(token) == "茅草街镇新街口着火"
    assert keyring.seal("c-1", "") == ""
    assert keyring.unseal("never sealed") == "never sealed"


async def test_equal_words_have_different_tokens(keyring: Keyring) -> None:
    """Sealing is not a code book: the same words give another token each time."""
    await keyring.ensure(["c-1"])
    assert keyring.seal("c-1", "着火") != keyring.seal("c-1", "着火")


async def test_a_token_moved_to_another_subject_does_not_open(keyring: Keyring) -> None:
    """The subject is bound into the token: changing it, or a letter of the body, gives None."""
    await keyring.ensure(["a", "b"])
    _, _, body = keyring.seal("a", "words").rpartition("~")
    assert keyring.unseal(f"~b~{body}") is None
    assert keyring.unseal(f"~a~{'A' if body[0] != 'A' else 'B'}{body[1:]}") is None
    assert keyring.unseal("~a~") is None
    assert keyring.unseal("~") is None


async def test_sealing_needs_a_key_that_was_ensured(keyring: Keyring) -> None:
    """Nothing is sealed under a key that is not on disk."""
    with pytest.raises(KeyMissing):
        keyring.seal("nobody", "words")


async def test_a_key_survives_a_restart_and_so_does_its_destruction(tmp_path: Path) -> None:
    """What was sealed opens in the next process; what was destroyed stays closed there, for ever."""
    place = Settings(data_dir=tmp_path)
    first = Keyring.open(place)
    await first.ensure(["a", "b"])
    kept, gone = first.seal("a", "kept"), first.seal("b", "gone")
    assert first.destroy("b")
    assert not first.destroy("b")
    first.close()
    second = Keyring.open(place)
    assert second.unseal(kept) == "kept"
    assert second.unseal(gone) is None
    await second.ensure(["b"])
    assert second.unseal(gone) is None, "a new key of the same subject opens nothing old"
    second.close()


async def test_a_destroyed_key_is_gone_everywhere_within_seconds(tmp_path: Path) -> None:
    """A key in another process's memory stops opening within seconds of being destroyed."""
    one, other = Keyring.open(Settings(data_dir=tmp_path)), Keyring.open(Settings(data_dir=tmp_path))
    await one.ensure(["a"])
    token = one.seal("a", "words")
    assert other.unseal(token) == "words"
    one.destroy("a")
    assert one.unseal(token) is None
    await eventually(lambda: other.unseal(token) is None, seconds=4)
    one.close()
    other.close()


async def test_a_destroyed_key_leaves_no_bytes_in_the_files(tmp_path: Path) -> None:
    """The wrapped key is overwritten in the table and gone from the write-ahead log."""
    ring = Keyring.open(Settings(data_dir=tmp_path))
    await ring.ensure(["a"])
    files = tmp_path / "secrets"
    with sqlite3.connect(files / "keys.db") as db:
        (wrapped,) = db.execute("SELECT wrapped FROM keys WHERE subject = 'a'").fetchone()
    db.close()
    ring.destroy("a")
    ring.close()
    assert all(wrapped not in f.read_bytes() for f in files.iterdir())


async def test_two_processes_agree_on_one_key(tmp_path: Path) -> None:
    """Whoever is first makes the key; the other uses it."""
    rings = [Keyring.open(Settings(data_dir=tmp_path)) for _ in range(3)]
    await asyncio.gather(*(r.ensure([f"s{i}" for i in range(50)]) for r in rings))
    for i in range(50):
        token = rings[i % 3].seal(f"s{i}", "words")
        assert [r.unseal(token) for r in rings] == ["words"] * 3
    for r in rings:
        r.close()


async def test_waiting_for_the_disk_does_not_hold_the_loop(keyring: Keyring) -> None:
    """While many keys are made, the loop goes on turning."""
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    await asyncio.gather(*(keyring.ensure([f"s{i}"]) for i in range(500)))
    turning.cancel()
    assert turns > 1


async def test_a_store_that_fails_says_so_to_those_who_wait(tmp_path: Path) -> None:
    """A key store out of reach is an error of its own, and the next attempt is made anew."""
    ring = Keyring.open(Settings(data_dir=tmp_path))
    ring._store.close()
    with pytest.raises(KeysUnavailable):
        await ring.ensure(["a"])


def test_tokens_are_equal_for_equal_text_and_apart_by_kind(tmp_path: Path) -> None:
    """A keyed token compares without being read: per kind, per deployment."""
    ring = Keyring.open(Settings(data_dir=tmp_path / "one"))
    other = Keyring.open(Settings(data_dir=tmp_path / "two"))
    assert ring.token("number", "+8613800001234") == ring.token("number", "+8613800001234")
    assert ring.token("number", "+8613800001234") != ring.token("address", "+8613800001234")
    assert ring.token("number", "+8613800001234") != other.token("number", "+8613800001234")
    ring.close()
    other.close()


@given(st.text(st.characters(codec=None), max_size=200))
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_text_comes_back_as_it_was(keyring: Keyring, text: str) -> None:
    """Sealing loses nothing, unpaired surrogates and NULs included."""
    keyring.ensure_now(["s"])
    assert keyring.unseal(keyring.seal("s", text)) == text


async def test_any_sqlalchemy_url_serves(tmp_path: Path) -> None:
    """The same promises over SQLAlchemy, here with SQLite's async driver where it is installed."""
    pytest.importorskip("aiosqlite", reason="no async SQLite driver; PostgreSQL is tested where there is a server")
    url = f"sqlite+aiosqlite:///{tmp_path / 'keys.db'}"
    one, other = (Keyring.open(Settings(data_dir=tmp_path, keys_url=url)) for _ in range(2))
    await asyncio.gather(one.ensure(["a", "b"]), other.ensure(["b", "c"]))
    token = one.seal("b", "words")
    assert other.unseal(token) == "words"
    assert one.destroy("b")
    await eventually(lambda: other.unseal(token) is None, seconds=4)
    one.close()
    other.close()
