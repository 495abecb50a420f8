"""Fetching Kafka's jars: whole, of the locked hash, resumed, and with the mend when it cannot be."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin.broker import jars
from tocsin.broker.jars import Jar, ensure_jars, locked, repository
from tocsin.runtime.mend import Mend

BODY = bytes(range(256)) * 4000
JAR = Jar("org/example/thing/1.0/thing-1.0.jar", len(BODY), hashlib.sha256(BODY).hexdigest())


class _Repo(http.server.BaseHTTPRequestHandler):
    """Serves BODY with ranges; breaks the connection half-way where told to."""

    cuts = 0
    body = BODY
    asked: list[str] = []

    def do_GET(self) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.asked.append(self.headers.get("Range", ""))
        part = self.body[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if type(self).cuts > 0:
            type(self).cuts -= 1
            self.wfile.write(part[: len(part) // 2])
            self.wfile.flush()
            self.connection.close()
        else:
            self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def repo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[_Repo]]:
    """A Maven repository on loopback, an empty cache, one locked jar."""
    _Repo.cuts, _Repo.body = 0, BODY
    _Repo.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Repo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("TOCSIN_MAVEN_REPO", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(jars, "locked", lambda: [JAR])
    yield _Repo
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_broken_download_is_resumed_where_it_broke(repo: type[_Repo]) -> None:
    """After a cut the rest is asked for by range, and the file is whole."""
    repo.cuts = 1
    (path,) = ensure_jars()
    assert path.read_bytes() == BODY
    assert repo.asked[0] == ""
    assert repo.asked[1].startswith("bytes=")


def test_what_is_whole_is_not_fetched_again(repo: type[_Repo]) -> None:
    """A second call asks nothing of the repository."""
    ensure_jars()
    asked = len(repo.asked)
    ensure_jars()
    assert len(repo.asked) == asked


@pytest.mark.usefixtures("repo")
def test_a_damaged_jar_in_the_cache_is_fetched_anew() -> None:
    """A flipped byte is noticed by the hash and mended."""
    (path,) = ensure_jars()
    path.write_bytes(b"\xff" + BODY[1:])
    ensure_jars()
    assert path.read_bytes() == BODY


def test_a_jar_of_another_hash_is_refused_and_not_kept(repo: type[_Repo], tmp_path: Path) -> None:
    """What the repository serves is never run unless it is what was locked."""
    repo.body = BODY[::-1]
    with pytest.raises(Mend, match=r"not the one that is locked.*TOCSIN_MAVEN_REPO"):
        ensure_jars()
    assert not list((tmp_path / "cache").rglob("*.jar"))


@pytest.mark.usefixtures("repo")
def test_a_repository_out_of_reach_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which setting mends it."""
    monkeypatch.setenv("TOCSIN_MAVEN_REPO", "http://127.0.0.1:9")
    with pytest.raises(Mend, match=r"could not be fetched.*TOCSIN_MAVEN_REPO"):
        ensure_jars()


def test_a_directory_serves_as_repository(repo: type[_Repo], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`file://` works for machines without any network."""
    there = tmp_path / "repo" / JAR.path
    there.parent.mkdir(parents=True)
    there.write_bytes(BODY)
    monkeypatch.setenv("TOCSIN_MAVEN_REPO", (tmp_path / "repo").as_uri())
    (path,) = ensure_jars()
    assert path.read_bytes() == BODY
    assert repo.asked == []


def test_mavens_own_mirror_is_honoured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without TOCSIN_MAVEN_REPO the mirror of the user's Maven settings is asked; blocked ones and others' are not."""
    monkeypatch.delenv("TOCSIN_MAVEN_REPO", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(
        '<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors>'
        "<mirror><mirrorOf>*</mirrorOf><url>http://blocked.invalid</url><blocked>true</blocked></mirror>"
        "<mirror><mirrorOf>other</mirrorOf><url>http://other.invalid</url></mirror>"
        "<mirror><mirrorOf>central</mirrorOf><url>http://mirror.invalid/maven/</url></mirror>"
        "</mirrors></settings>"
    )
    assert repository() == "http://mirror.invalid/maven"


def test_the_lock_names_each_jar_once_with_its_hash() -> None:
    """Four coordinates of Kafka and Log4j are there in the versions that belong together."""
    names = [j.name for j in locked()]
    assert len(names) == len(set(names))
    assert {"kafka_2.13-4.3.1.jar", "kafka-clients-4.3.1.jar", "kafka-tools-4.3.1.jar"} <= set(names)
    assert all(len(j.sha256) == 64 and j.size > 0 for j in locked())
