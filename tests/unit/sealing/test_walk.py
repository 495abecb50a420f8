"""Every field typed `Sealed` is sealed, however deep it lies, and no other."""

from pathlib import Path

import msgspec
import pytest

from tocsin.envelope import Sealed
from tocsin.incident import commands as c
from tocsin.place import Point
from tocsin.runtime.settings import Settings
from tocsin.sealing import Keyring, seal_words, unseal_words
from tocsin.sealing.walk import has_words


class Leaf(msgspec.Struct, frozen=True):
    """A struct with one word and one code."""

    word: Sealed
    code: str = "code"


class Tree(msgspec.Struct, frozen=True):
    """Words in every shape a command may have."""

    words: list[Sealed]
    leaf: Leaf
    leaves: list[Leaf]
    perhaps: Leaf | None = None
    maybe: Sealed | None = None


@pytest.fixture
def keyring(tmp_path: Path):
    """A keyring with the key of subject `s`."""
    ring = Keyring.open(Settings(data_dir=tmp_path))
    ring.ensure_now(["s"])
    yield ring
    ring.close()


def test_each_word_is_sealed_and_opens_again(keyring: Keyring) -> None:
    """Nested, listed and optional words are sealed; codes are not; the whole comes back."""
    tree = Tree(["a", "b"], Leaf("c"), [Leaf("d"), Leaf("e")], Leaf("f"), "g")
    sealed = seal_words(tree, "s", keyring)
    shown = msgspec.json.encode(sealed).decode()
    assert shown.count("~s~") == 7
    assert shown.count('"code":"code"') == 4
    assert unseal_words(sealed, keyring) == tree


def test_words_that_look_sealed_are_sealed_too(keyring: Keyring) -> None:
    """Nobody passes words by the sealing by writing the mark before them."""
    note = seal_words(c.Note(text="~s~looks sealed"), "s", keyring)
    assert note.text.startswith("~s~")
    assert "looks" not in note.text
    assert unseal_words(note, keyring).text == "~s~looks sealed"


def test_a_command_keeps_what_is_not_words(keyring: Keyring) -> None:
    """Points and codes stay for the rules; the address is sealed."""
    given = c.CorrectLocation(
        location=c.GivenLocation(address="茅草街镇", point=Point(lon=112.3, lat=28.9)), reason="错"
    )
    sealed = seal_words(given, "s", keyring)
    assert sealed.location.point == given.location.point
    assert sealed.location.address.startswith("~")
    assert sealed.reason.startswith("~")
    assert unseal_words(sealed, keyring) == given


def test_destroyed_words_show_as_gone(keyring: Keyring) -> None:
    """What no key opens shows as the words for it, not as a token."""
    sealed = seal_words(c.Note(text="words"), "s", keyring)
    keyring.destroy("s")
    assert unseal_words(sealed, keyring, gone="gone").text == "gone"


def test_a_command_without_words_needs_no_key() -> None:
    """Commands with nothing to seal are known as such."""
    assert has_words(c.Note)
    assert has_words(c.CorrectLocation)
    assert not has_words(c.Acknowledge)
