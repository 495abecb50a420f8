"""A running deployment as commands see it: `run.json` of its data directory (contract, section 1)."""

import socket
from pathlib import Path
from typing import Annotated, Self

import httpx
import msgspec
import psutil
import typer
from msgspec import Struct

from tocsin.cli.errors import Mend
from tocsin.runtime.settings import Settings

DATA_DIR = Path(".tocsin")
RUN_FILE = "run.json"
SERVICES = ("intake", "router", "ems120", "notifier", "supervision")
"""In the order in which they are started; stopped the other way round."""
PORT_OFFSETS = {"notifier": 0, "intake": 1, "ems120": 2, "supervision": 3, "router": 4}
BROKER_PORT_OFFSET = 10

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="TOCSIN_DATA_DIR", help="The deployment's directory.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


class Deployment(Struct, kw_only=True):
    """`run.json`. URLs without trailing slash; `pids["broker"]` is 0 where an outside cluster is used.

    `policy_dir` is the policy `up` was given, `policy_kept` the copy of it that the services began with; `model` the
    version of the text model in `model_dir`, `model_fault` why the lexicon goes alone although one was asked for.
    """

    ready: bool
    bootstrap: str
    intake: str
    notifier: str
    ems120: str
    supervision: str
    router: str
    console: str
    pids: dict[str, int]
    tokens: dict[str, str]
    agency_tokens: dict[str, str]
    unit_tokens: dict[str, str]
    data_dir: str = ""
    clock: str = "real"
    policy_dir: str = ""
    policy_kept: str = ""
    model_dir: str = ""
    model: str = ""
    model_fault: str = ""
    partitions: int = 6
    replicas: int = 1
    nodes: int = 1
    broker_pids: list[int] = []
    supervisor: int = 0
    version: str = ""

    @classmethod
    def find(cls, data_dir: Path = DATA_DIR) -> "Deployment":
        """The deployment `up` runs on this directory, else the one the environment describes; Mend where neither is."""
        found = cls.read(data_dir)
        if found is not None and psutil.pid_exists(found.supervisor):
            return found
        from tocsin.cli.outside import outside_of

        outside = outside_of(data_dir)
        if outside is None:
            raise Mend(
                f"No deployment runs on {data_dir}",
                f"Start one with `tocsin up --data-dir {data_dir}`.",
            )
        return outside

    @property
    def started_here(self) -> bool:
        """Whether `up` on this machine started it; it then has processes and log files here."""
        return self.supervisor != 0

    @classmethod
    def read(cls, data_dir: Path) -> Self | None:
        """What `run.json` says, whether or not it still runs."""
        try:
            return msgspec.json.decode((data_dir / RUN_FILE).read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except PermissionError as e:
            raise Mend(f"{data_dir / RUN_FILE} is another account's", "Run this as the account that started it.") from e
        except (msgspec.DecodeError, OSError) as e:
            raise Mend(
                f"{data_dir / RUN_FILE} cannot be read ({e})", "Run `tocsin down`, then `tocsin up` again."
            ) from e

    def write(self) -> None:
        """Replaces `run.json` as a whole; only its owner may read it, for it holds the tokens."""
        file = Path(self.data_dir) / RUN_FILE
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(self)))
        fresh.replace(file)

    def url(self, service: str) -> str:
        """The base URL of a service."""
        return str(getattr(self, service))

    def settings(self) -> Settings:
        """Settings as the services have them; credentials of an outside cluster still come from the environment."""
        policy = self.policy_kept or self.policy_dir
        return Settings(
            kafka_bootstrap=self.bootstrap,
            partitions=self.partitions,
            replicas=self.replicas,
            data_dir=Path(self.data_dir),
            policy_dir=Path(policy) if policy else None,
            model_dir=Path(self.model_dir) if self.model_dir else None,
            clock=self.clock,
        )

    def client(self, service: str, role: str = "admin", *, seconds: float = 10) -> httpx.Client:
        """An HTTP client of a service, signed in as a role."""
        return httpx.Client(base_url=self.url(service), headers=self._auth(role), timeout=seconds)

    def clients(self, service: str, role: str = "admin", *, seconds: float = 10) -> list[httpx.Client]:
        """One for each replica of a service: a name that stands for several addresses is asked at each of them.

        So are the pods behind a headless Service. Over TLS the name itself is asked, once: a certificate is for a name.
        """
        url = httpx.URL(self.url(service))
        hosts = [url.host] if url.scheme == "https" else _addresses(url.host, url.port or 80)
        return [
            httpx.Client(base_url=url.copy_with(host=host), headers=self._auth(role), timeout=seconds) for host in hosts
        ]

    def async_client(self, service: str, role: str = "admin", *, seconds: float = 10) -> httpx.AsyncClient:
        """The same for asyncio."""
        return httpx.AsyncClient(base_url=self.url(service), headers=self._auth(role), timeout=seconds)

    def _auth(self, role: str) -> dict[str, str]:
        token = self.tokens.get(role) or self.agency_tokens.get(role) or self.unit_tokens.get(role)
        return {"Authorization": f"Bearer {token}"} if token else {}


def _addresses(host: str, port: int) -> list[str]:
    """All addresses of a name; the name itself where it is one already, is this machine's, or is not known."""
    if host == "localhost":
        return [host]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return [host]
    return sorted({str(address[0]) for *_, address in found})
