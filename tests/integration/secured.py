"""One Kafka node as a cluster that exists has it: SASL over TLS, an authorizer, rights given one by one."""

import datetime as dt
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)  # fmt: skip
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support import eventually_sync
from tocsin.broker.jars import ensure_jars
from tocsin.broker.node import HOST, Node, Shape
from tocsin.broker.ready import brokers_known

USER, PASSWORD = "tocsin", "sample-password"
K8S_KAFKA = Path(__file__).resolve().parents[2] / "deploy" / "k8s" / "kafka.yaml"
_SECURE_OFFSET = 1


class SecuredNode(Node):
    """Beside the plain listener, where everyone is the operator, one for clients: SASL, TLS, no rights but given."""

    @property
    def secure(self) -> str:
        """Where clients connect."""
        return f"{HOST}:{self.port + _SECURE_OFFSET}"

    def settings(self) -> dict[str, str]:
        """See `Node`."""
        plain = super().settings()
        more = f"SASL_SSL://{self.secure}"
        return plain | {
            "listeners": f"{plain['listeners']},{more}",
            "advertised.listeners": f"{plain['advertised.listeners']},{more}",
            "listener.security.protocol.map": f"{plain['listener.security.protocol.map']},SASL_SSL:SASL_SSL",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config":
                "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.folder / "server.pem"),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }  # fmt: skip


def _certificate(folder: Path) -> Path:
    """A certificate of this address with its key for the server; the certificate alone for those who trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.mkdir(parents=True)
    (folder / "server.pem").write_bytes(private + pem)
    (folder / "ca.crt").write_bytes(pem)
    return folder / "ca.crt"


def rights_of_k8s() -> list[AclBinding]:
    """The rights the Kubernetes base gives the services' user."""
    [user] = [d for d in yaml.safe_load_all(K8S_KAFKA.read_text()) if d["kind"] == "KafkaUser"]
    acls = user["spec"]["authorization"]["acls"]
    return [_right(acl["resource"], operation) for acl in acls for operation in acl["operations"]]


def _right(resource: dict[str, Any], operation: str) -> AclBinding:
    kinds = {
        "topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactionalId": ResourceType.TRANSACTIONAL_ID,
        "cluster": ResourceType.BROKER,
    }  # fmt: skip
    prefixed = resource.get("patternType") == "prefix"
    name = "".join(f"_{c}" if c.isupper() else c for c in operation).strip("_").upper()
    return AclBinding(
        kinds[resource["type"]], resource.get("name", "kafka-cluster"),
        ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL,
        f"User:{USER}", "*", AclOperation[name], AclPermissionType.ALLOW,
    )  # fmt: skip


def _let_in(node: Node) -> None:
    admin = AdminClient({"bootstrap.servers": f"{HOST}:{node.port}"})
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    user = UserScramCredentialUpsertion(USER, scram, PASSWORD.encode())
    for done in (*admin.alter_user_scram_credentials([user]).values(), *admin.create_acls(rights_of_k8s()).values()):
        done.result(30)


@contextmanager
def secured(folder: Path, port: int) -> Iterator[tuple[SecuredNode, Path]]:
    """The node with its user and the user's rights, and the CA file of its clients; stopped at the end."""
    node = SecuredNode(folder / "node-1", 0, Shape(port, 1, "TocsinSecuredTestAAAAA"))
    ca = _certificate(node.folder)
    node.start(ensure_jars())
    try:
        eventually_sync(lambda: brokers_known(HOST, node.port), seconds=120, what="the node answers")
        _let_in(node)
        yield node, ca
    finally:
        node.ask_to_stop()
        node.wait_stopped()
