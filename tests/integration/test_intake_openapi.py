"""The published document is what the service does: generated requests, good and bad, never make a 5xx."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from services.intake.app import Parts, build
from tocsin.enrich import Enricher
from tocsin.log.port import Append, Appended
from tocsin.policy.load import load_policy
from tocsin.runtime.security import Principal, issue, load_secret
from tocsin.runtime.settings import Settings
from tocsin.sealing import Keyring


class Memory:
    """A log that takes everything at once: what Kafka does is tested with Kafka, here it is the door."""

    def __init__(self) -> None:
        self.taken: list[Append] = []

    async def append(self, record: Append) -> Appended:
        """Takes one."""
        self.taken.append(record)
        return Appended(record.topic, record.partition, len(self.taken), 1_775_355_630_000)

    async def append_all(self, records: list[Append]) -> list[Appended]:
        """Takes many."""
        return [await self.append(r) for r in records]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Intake without its background work."""
    place = Settings(data_dir=tmp_path_factory.mktemp("intake"))
    keyring = Keyring.open(place)
    policy = load_policy(place.policy_path)
    built = build(place, Enricher(policy, tokens=keyring.token), policy)
    built.keeping._producer = Memory()
    yield built
    built.spool.close()
    built.index.close()
    built.keyring.close()
    keyring.close()


@pytest.fixture(scope="module")
def token(parts: Parts) -> str:
    """An admin's."""
    folder: Path = parts.settings.secrets_dir
    return issue(load_secret(folder / "token.key"), Principal("a", "admin"), hours=1)


def test_no_request_the_document_can_say_makes_a_5xx(parts: Parts, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests generated from the document for every operation: statuses and shapes are as published, no 5xx."""
    monkeypatch.setattr("tocsin.runtime.bodies.WAIT_MAX_S", 0.01)
    schema = schemathesis.openapi.from_dict(parts.app.openapi())
    schema.app = parts.app
    tried = 0
    for operation in (o.ok() for o in schema.get_all_operations()):
        if not operation.path.startswith("/v1/") or operation.path.endswith(":batch"):  # NDJSON has tests of its own
            continue
        tried += 1
        _try(operation, {"Authorization": f"Bearer {token}"})
    assert tried >= 8


def _try(operation: Any, headers: dict[str, str]) -> None:
    @given(case=operation.as_strategy())
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def tried(case: schemathesis.Case) -> None:
        case.call_and_validate(
            headers=headers, checks=[not_a_server_error, status_code_conformance, response_schema_conformance]
        )

    tried()


def test_the_document_is_openapi_3_1_and_names_every_command(parts: Parts) -> None:
    """OpenAPI 3.1 with the schema of a call, of each act and of problems; no inner form of a time shows."""
    document = parts.app.openapi()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    assert {"PostedCall", "Receipt", "Problem", "Acknowledge", "LinkCall", "CloseCall"} <= set(schemas)
    assert "unix-milliseconds" not in json.dumps(document)
    assert "place" not in schemas["CorrectLocation"]["properties"]
    assert schemas["ExtendDeadline"]["properties"]["until"]["format"] == "date-time"
