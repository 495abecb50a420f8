"""A complaint's body as it is posted."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends

from services.supervision.posted import BODY_MAX, ComplaintBody, described, posted
from tocsin.runtime.security import Principal, allowed
from tocsin.runtime.web import create_app

SAID = {"agency": "nanxian-water", "text": "停水两天没有人管"}


@pytest.fixture
async def door() -> httpx.AsyncClient:
    """A service that answers with what it read, to anybody or to a supervisor alone."""
    app = create_app("test", secret=b"x" * 32, ready=[])

    @app.post("/open")
    async def show(body: Annotated[ComplaintBody, Depends(posted(ComplaintBody))]) -> dict[str, str]:
        return {"text": body.text}

    @app.post("/closed")
    async def shut(
        who: Annotated[Principal, Depends(allowed("supervisor"))],
        body: Annotated[ComplaintBody, Depends(posted(ComplaintBody))],
    ) -> dict[str, str]:
        return {"text": body.text, "who": who.subject}

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize(
    "more",
    [
        {"name": "周小兰", "number": "13800009999"},
        {"complainant": {"name": "周小兰", "number": "13800009999"}},
        {"name": "周小兰", "complainant": {"number": "13800009999"}},
    ],
)
def test_who_complains_is_kept_however_it_is_said(more: dict[str, object]) -> None:
    """Beside the rest or as an object of its own: nothing of it is dropped."""
    body = ComplaintBody.model_validate(SAID | more)
    assert body.who == "周小兰 13800009999"


@pytest.mark.parametrize(
    ("content", "code", "field"),
    [
        (b"", "not_json", ""),
        (b"{", "not_json", ""),
        (b'{"agency":"nanxian-water","text":"\xff"}', "not_json", ""),
        (b"[" * 100_000, "not_json", ""),
        (b"[]", "invalid", ""),
        (b'{"agency":"nanxian-water"}', "invalid", "text"),
        (b'{"agency":"nanxian-water","text":" \\n "}', "invalid", "text"),
        (b'{"agency":"nanxian-water","text":"a","text":"b"}', "invalid", "text"),
        (b'{"agency":5,"text":"a"}', "invalid", "agency"),
    ],
)
async def test_what_cannot_be_used_is_422_with_its_field(
    door: httpx.AsyncClient, content: bytes, code: str, field: str
) -> None:
    """As at every other door: garbage, broken letters, bottomless nesting, blanks and doubled fields."""
    answer = await door.post("/open", content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [e["field"] for e in answer.json()["errors"]] == [field]


async def test_a_body_is_bounded_and_its_slips_are_repaired(door: httpx.AsyncClient) -> None:
    """413 above 256 KiB; a NUL or half a pair of surrogates costs nobody a complaint."""
    large = await door.post("/open", content=b"x" * (BODY_MAX + 1))
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    answer = await door.post("/open", content=b'{"agency":"nanxian-water","text":"a\\ud800\\u0000"}')
    assert (answer.status_code, answer.json()["text"]) == (200, "a\ufffd")


async def test_who_asks_comes_before_what_is_asked(door: httpx.AsyncClient) -> None:
    """Nobody's body is read, however it is broken or large."""
    for content in (b"{", b"x" * (BODY_MAX + 1)):
        assert (await door.post("/closed", content=content)).status_code == 401


def test_the_body_is_written_out_in_the_openapi_document() -> None:
    """Read by hand, described by hand: no reference into nowhere."""
    schema: dict[str, Any] = described(ComplaintBody)["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["agency", "text"]
    assert schema["properties"]["complainant"]["properties"].keys() == {"name", "number"}
    assert "$ref" not in str(schema)
