"""Kafka's jars: a committed lock with the SHA-256 of each, fetched once into a cache that all deployments share."""

import hashlib
import os
import shutil
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname
from xml.etree import ElementTree as ET

import certifi
import httpx

from tocsin.runtime.mend import Mend

LOCK = Path(__file__).with_name("jars.lock")
_CHUNK = 1 << 16
_TRIES = 4
_PARALLEL = 6
_SECONDS_MAX = 30.0
_NS = "{*}"

Progress = Callable[[int, int], None]
"""Told (bytes so far, bytes in all); called from several threads."""


class Jar(NamedTuple):
    """A locked jar: its path in a Maven repository, its size in bytes and its SHA-256."""

    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]


def locked() -> list[Jar]:
    """The lock: `<sha256> <size> <path>` a line, `#` for remarks."""
    lines = (line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#"))
    return [Jar(path, int(size), sha256) for sha256, size, path in lines]


def cache_dir() -> Path:
    """Where what is fetched is kept, for all deployments of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tocsin"


def repository() -> str:
    """The Maven repository: TOCSIN_MAVEN_REPO, else the mirror in Maven's own settings, else Maven's central."""
    chosen = os.environ.get("TOCSIN_MAVEN_REPO", "").rstrip("/")
    if chosen:
        return chosen
    mirror = _mirror(Path.home() / ".m2" / "settings.xml")
    if mirror:
        return mirror
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 - only where something must be fetched at all

    return str(MAVEN_CENTRAL_URL)


def _mirror(settings: Path) -> str:
    try:
        root = ET.parse(settings).getroot()  # noqa: S314 - the user's own settings file
    except (OSError, ET.ParseError):
        return ""
    for mirror in root.iter():
        if mirror.tag.rpartition("}")[2] != "mirror" or (mirror.findtext(f"{_NS}blocked") or "") == "true":
            continue
        of = {part.strip() for part in (mirror.findtext(f"{_NS}mirrorOf") or "").split(",")}
        if of & {"*", "central", "external:*"} and "!central" not in of:
            return (mirror.findtext(f"{_NS}url") or "").strip().rstrip("/")
    return ""


def ensure_jars(progress: Progress | None = None) -> list[Path]:
    """All locked jars on disk, each of its locked hash; fetches what is missing. Two processes may do it at once."""
    jars = locked()
    into = cache_dir() / "jars"
    into.mkdir(parents=True, exist_ok=True)
    with (into / ".lock").open("w") as held:
        flock(held, LOCK_EX)
        missing = [jar for jar in jars if not _whole(into / jar.name, jar)]
        if missing:
            _fetch_all(missing, into, progress)
    return [into / jar.name for jar in jars]


def _whole(file: Path, jar: Jar) -> bool:
    try:
        if file.stat().st_size != jar.size:
            return False
        with file.open("rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE"):
        extra = os.environ.get(name)
        if extra and Path(extra).is_file():
            context.load_verify_locations(extra)
    return context


def _fetch_all(jars: list[Jar], into: Path, progress: Progress | None) -> None:
    repo = repository()
    total = sum(jar.size for jar in jars)
    done: dict[str, int] = {}

    def told(jar: Jar, count: int) -> None:
        done[jar.path] = count
        if progress is not None:
            progress(sum(done.copy().values()), total)

    with (
        httpx.Client(verify=_trust(), follow_redirects=True, timeout=_SECONDS_MAX) as client,
        ThreadPoolExecutor(_PARALLEL) as pool,
    ):
        for _ in pool.map(lambda jar: _fetch(client, repo, jar, into, told), jars):
            pass


def _fetch(client: httpx.Client, repo: str, jar: Jar, into: Path, told: Callable[[Jar, int], None]) -> None:
    at_home = Path.home() / ".m2" / "repository" / jar.path
    part = into / f"{jar.name}.part"
    if _whole(at_home, jar):
        shutil.copyfile(at_home, part)
    elif urlsplit(repo).scheme == "file":
        with suppress(FileNotFoundError):
            shutil.copyfile(Path(url2pathname(urlsplit(repo).path)) / jar.path, part)
    else:
        _download(client, f"{repo}/{jar.path}", part, jar, lambda count: told(jar, count))
    if not _whole(part, jar):
        part.unlink(missing_ok=True)
        raise Mend(
            f"{jar.name} from the Maven repository {repo} is missing there or is not the file that is locked",
            "Name a repository that carries Apache Kafka unchanged with TOCSIN_MAVEN_REPO, and start again.",
        )
    told(jar, jar.size)
    part.replace(into / jar.name)


def _download(client: httpx.Client, url: str, part: Path, jar: Jar, told: Callable[[int], None]) -> None:
    last = ""
    for _ in range(_TRIES):
        have = part.stat().st_size if part.exists() else 0
        if have >= jar.size:
            part.unlink()  # of another version, or with rubbish at its end: only a whole new one can help
            have = 0
        try:
            with client.stream("GET", url, headers={"Range": f"bytes={have}-"} if have else {}) as answer:
                answer.raise_for_status()
                _keep(
                    answer.iter_bytes(_CHUNK),
                    part,
                    have if answer.status_code == httpx.codes.PARTIAL_CONTENT else 0,
                    told,
                )
        except (httpx.HTTPError, OSError) as e:
            last = f"{type(e).__name__}: {e}"
            continue
        if _whole(part, jar):
            return
        last = "the file is not the one that is locked"
    raise Mend(
        f"{jar.name} could not be fetched from the Maven repository {urlsplit(url).netloc} ({last})",
        "Check the network and the proxy (HTTPS_PROXY, SSL_CERT_FILE), or name a mirror with TOCSIN_MAVEN_REPO. "
        "What was fetched so far is kept.",
    )


def _keep(chunks: Iterable[bytes], part: Path, have: int, told: Callable[[int], None]) -> None:
    with part.open("ab" if have else "wb") as f:
        for chunk in chunks:
            f.write(chunk)
            have += len(chunk)
            told(have)
