"""The settings of a service, all from the environment (`TOCSIN_*`); tests hold the docs to this list."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One class for all services: each reads what it needs. Defaults are those of a single machine on loopback."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_", extra="ignore", env_ignore_empty=True)

    kafka_bootstrap: str = Field("127.0.0.1:19010", description="Kafka bootstrap addresses, comma-separated")
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="protocol"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL"
    )
    kafka_username: str = Field("", description="SASL user")
    kafka_password: str = Field("", description="SASL password")
    kafka_ca_file: str = Field("", description="CA file for TLS")
    partitions: int = Field(6, ge=1, description="region partitions; never raised in place")
    replicas: int = Field(1, ge=1, le=5, description="replication factor of the topics")
    data_dir: Path = Field(Path(".tocsin"), description="where this deployment keeps its files")
    policy_dir: Path | None = Field(None, description="policy directory; the sample where absent")
    model_dir: Path | None = Field(None, description="trained text model; lexicon alone where absent")
    keys_url: str = Field("", description="SQLAlchemy URL of the key store; SQLite under data_dir where empty")
    secret_file: Path | None = Field(
        None, description="secret that signs tokens; data_dir/secrets/token.key where absent"
    )
    clock: str = Field("real", pattern=r"^(real|manual|scaled:\d+(\.\d+)?)$", description="real, manual or scaled:N")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(0, ge=0, le=65535, description="port to listen on")
    slot: int = Field(0, ge=0, description="this replica's number: its static group membership")
    instance: str = Field(
        "", description="a name in group ids; it does not part the topics: one deployment decides on a cluster"
    )
    log_format: Literal["auto", "json", "pretty"] = Field("auto", description="pretty on a terminal, JSON elsewhere")
    log_level: str = Field("info", description="debug, info, warning, error")
    admission_per_s: float = Field(
        0, ge=0, description="routine calls admitted a second; 0: by the spool and lag alone"
    )
    spool_after_ms: int = Field(2000, ge=100, description="how long to wait for the log before the spool takes a call")
    token_hours: int = Field(12, ge=1, description="how long a token lasts: one shift")
    intake_url: str = Field("", description="where the notifier reaches intake; the next port on loopback where empty")
    webhook_networks: str = Field(
        "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7",
        description="address ranges webhooks may be sent to, comma-separated",
    )
    webhook_timeout_s: float = Field(10, gt=0, le=60, description="how long an endpoint may take to answer")
    webhook_retry_s: float = Field(
        1, gt=0, le=60, description="pause after a webhook's first failure; doubled each time, to 60"
    )
    ems_url: str = Field(
        "", description="where others reach ems120; for the notifier its port + 2 on loopback where empty"
    )
    notifier_url: str = Field("", description="where the command line reaches a notifier that `up` did not start")
    supervision_url: str = Field("", description="the same for supervision")
    router_url: str = Field("", description="the same for the router")

    @property
    def policy_path(self) -> Path:
        """The policy directory in force: the setting, or the sample beside the code or in the wheel."""
        if self.policy_dir is not None:
            return self.policy_dir
        root = Path(__file__).resolve().parent.parent
        beside = root.parents[1] / "policy" / "nanxian"
        return beside if beside.is_dir() else root / "_data" / "policy" / "nanxian"

    @property
    def secrets_dir(self) -> Path:
        """Where keys and the signing secret are, apart from the log's data."""
        return self.data_dir / "secrets"
