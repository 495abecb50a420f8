"""Seals a person's words under that person's own key, and forgets the person by destroying the key.

A sealed token is `~<subject>~<base64url(nonce ‖ ciphertext)>`: AES-256-GCM with a random 96-bit nonce, the subject as
associated data, so that a token moved to another subject does not open. Keys are random, one a subject, wrapped under
`seal.key`; keyed hashes (BLAKE2b's MAC) stand for numbers and addresses where they must be compared and not read.
"""

import asyncio
import hashlib
import os
import queue
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import deque
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin.runtime.security import load_secret
from tocsin.runtime.settings import Settings
from tocsin.sealing.store import KeyStore, SqliteStore

MARK = "~"
_NONCE = 12
_CACHE_MAX = 65_536
_FRESH_S = 1.0
"""How long a cached key may be used before the list of destroyed ones is looked at again."""


class KeyMissing(Exception):
    """There is no key for this subject: `ensure` it first (or it was destroyed since)."""


class KeysUnavailable(Exception):
    """The key store does not answer (disk full, database away): nothing can be sealed now."""


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """A key of its own for each purpose, from the one secret file."""
    return hashlib.blake2b(secret, digest_size=32, person=b"tocsin-" + purpose).digest()


class _Want:
    """Subjects one caller waits for."""

    __slots__ = ("future", "loop", "subjects")

    def __init__(self, subjects: list[str]) -> None:
        self.subjects = subjects
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self.loop.create_future()


class Keyring:
    """All keys of a deployment. `ensure` writes in one thread, many callers a commit; `seal` and `unseal` are quick."""

    def __init__(self, store: KeyStore, secret: bytes) -> None:
        self._store = store
        self._token_key = _derived(secret, b"token")
        self._wrap = AESGCM(_derived(secret, b"wrap"))
        self._nonces: deque[bytes] = deque()
        self._cache: dict[str, AESGCM] = {}
        self._lock = threading.Lock()
        self._seen, _ = store.destroyed_since(0)
        self._looked = time.monotonic()
        self._wants: list[_Want] = []
        self._queue: queue.SimpleQueue[list[_Want] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @classmethod
    def open(cls, settings: Settings) -> "Keyring":
        """The deployment's keys: SQLite under `data_dir/secrets`, or the database `TOCSIN_KEYS_URL` names."""
        secret = load_secret(settings.secrets_dir / "seal.key")
        if settings.keys_url:
            from tocsin.sealing.sql import SqlStore  # noqa: PLC0415 - SQLAlchemy is heavy and seldom wanted

            return cls(SqlStore(settings.keys_url), secret)
        return cls(SqliteStore(settings.secrets_dir / "keys.db"), secret)

    def token(self, kind: str, text: str) -> str:
        """A keyed hash, 32 hex digits: equal for equal text, worthless without `seal.key`."""
        return self.token_of_bytes(kind, text.encode("utf-8", "surrogatepass"))

    def token_of_bytes(self, kind: str, content: bytes) -> str:
        """The same for bytes."""
        # BLAKE2b's own keyed mode: a MAC like HMAC, at a tenth of what OpenSSL's HMAC costs here (1 against 15 µs).
        return hashlib.blake2b(kind.encode() + b"\0" + content, digest_size=16, key=self._token_key).hexdigest()

    async def ensure(self, subjects: Iterable[str]) -> None:
        """Makes a key for each subject that has none; durable before it returns. Never blocks the loop."""
        wanted = [s for s in subjects if s]
        if not wanted:
            return
        if self._thread is None:
            self._start()
        want = _Want(wanted)
        with self._lock:
            self._wants.append(want)
            first = len(self._wants) == 1
        if first:
            # Handed over once a turn of the loop: waking the writer costs more than all else in this call.
            want.loop.call_soon(self._hand_over)
        await want.future

    def _hand_over(self) -> None:
        with self._lock:
            wants, self._wants = self._wants, []
        self._queue.put(wants)

    def ensure_now(self, subjects: Iterable[str]) -> None:
        """The same for programs without an event loop; blocks."""
        self._make(s for s in subjects if s)

    def seal(self, subject: str, text: str) -> str:
        """The sealed token of `text`; "" stays "". KeyMissing where `ensure` was not called."""
        if not text:
            return ""
        key = self._key(subject)
        if key is None:
            raise KeyMissing(f"no key for subject {subject!r}; call ensure first")
        nonce = self._nonce()
        sealed = nonce + key.encrypt(nonce, text.encode("utf-8", "surrogatepass"), subject.encode())
        return f"{MARK}{subject}{MARK}{urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def unseal(self, token: str) -> str | None:
        """The words; None where the key was destroyed or the token was tampered with. What is not sealed comes back."""
        if not token.startswith(MARK):
            return token
        subject, _, body = token[1:].rpartition(MARK)
        key = self._key(subject) if subject else None
        if key is None:
            return None
        try:
            raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
            return key.decrypt(raw[:_NONCE], raw[_NONCE:], subject.encode()).decode("utf-8", "surrogatepass")
        except (InvalidTag, ValueError):
            return None

    def load(self, tokens: Iterable[str]) -> None:
        """Fetches the keys of many sealed tokens in one read, before they are unsealed one by one. Blocks shortly."""
        self._refresh()
        subjects = {t[1:].rpartition(MARK)[0] for t in tokens if t.startswith(MARK)}
        missing = [s for s in subjects if s and s not in self._cache]
        if missing:
            self._keep(self._store.load(missing))

    def destroy(self, subject: str) -> bool:
        """Destroys the subject's key for good: nothing sealed under it opens again, anywhere. Blocks."""
        found = self._store.destroy(subject)
        with self._lock:
            self._cache.pop(subject, None)
        return found

    def close(self) -> None:
        """Ends the writer and closes the store."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(10)
            self._thread = None
        self._store.close()

    def _key(self, subject: str) -> AESGCM | None:
        if time.monotonic() - self._looked > _FRESH_S:
            self._refresh()
        key = self._cache.get(subject)
        if key is None:
            key = self._keep(self._store.load([subject])).get(subject)
        return key

    def _refresh(self) -> None:
        """Drops what another process destroyed."""
        if time.monotonic() - self._looked <= _FRESH_S:
            return
        seen, gone = self._store.destroyed_since(self._seen)
        with self._lock:
            self._looked = time.monotonic()
            self._seen = max(self._seen, seen)
            for subject in gone:
                self._cache.pop(subject, None)

    def _keep(self, wrapped: dict[str, bytes]) -> dict[str, AESGCM]:
        opened = {}
        for subject, blob in wrapped.items():
            try:
                opened[subject] = AESGCM(self._wrap.decrypt(blob[:_NONCE], blob[_NONCE:], subject.encode()))
            except InvalidTag:
                continue  # the row was changed, or seal.key is another one: as unreadable as a destroyed key
        with self._lock:
            for subject in opened:
                self._cache.pop(subject, None)
            self._cache.update(opened)
            while len(self._cache) > _CACHE_MAX:
                del self._cache[next(iter(self._cache))]
        return opened

    def _fresh(self, subject: str) -> bytes:
        nonce = self._nonce()
        return nonce + self._wrap.encrypt(nonce, os.urandom(32), subject.encode())

    def _nonce(self) -> bytes:
        """A random nonce; the system is asked for many at once, a call to it costs more than the sealing."""
        try:
            return self._nonces.popleft()
        except IndexError:
            block = os.urandom(_NONCE * 256)
            self._nonces.extend(block[i : i + _NONCE] for i in range(_NONCE, len(block), _NONCE))
            return block[:_NONCE]

    def _make(self, subjects: Iterable[str]) -> None:
        # A cached key is asked for again: another process may have destroyed it within the last second.
        wanted = dict.fromkeys(subjects)
        known = self._store.load(wanted)
        missing = {s: self._fresh(s) for s in wanted if s not in known}
        if missing:
            known |= self._store.add(missing)
        self._keep(known)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._write, name="tocsin-keys", daemon=True)
        self._thread.start()

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            wants = list(first)
            ended = False
            while not self._queue.empty():
                more = self._queue.get()
                if more is None:
                    ended = True
                    break
                wants += more
            error: Exception | None = None
            try:
                self._make(s for w in wants for s in w.subjects)
            except Exception as e:  # noqa: BLE001 - whatever the store says goes to those who wait for it
                error = KeysUnavailable(f"the key store did not take the keys: {e!r}")
            _answer(wants, error)
            if ended:
                return


def _answer(wants: list[_Want], error: Exception | None) -> None:
    for loop in {w.loop for w in wants}:
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, [w for w in wants if w.loop is loop], error)


def _resolve(wants: list[_Want], error: Exception | None) -> None:
    for w in wants:
        if w.future.done():
            continue
        if error is None:
            w.future.set_result(None)
        else:
            w.future.set_exception(error)
