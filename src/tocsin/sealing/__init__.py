"""People's words under keys that can be destroyed: a key per person, kept apart from the log (ADR 3)."""

from tocsin.sealing.keyring import KeyMissing, Keyring, KeysUnavailable
from tocsin.sealing.walk import seal_words, unseal_words

__all__ = ["KeyMissing", "Keyring", "KeysUnavailable", "seal_words", "unseal_words"]
