"""The frame of every service: what its document says of refusals is what it answers."""

import httpx

from tocsin.runtime.web import create_app


async def test_the_document_says_how_a_service_refuses() -> None:
    """problem+json under 422 and every other status; FastAPI's own form of a 422 is never sent, and so never told."""
    app = create_app("test", secret=b"x" * 32, ready=[])

    @app.get("/v1/things")
    async def things(limit: int = 50) -> dict[str, int]:
        return {"limit": limit}

    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    document = (await http.get("/openapi.json")).json()
    told = document["paths"]["/v1/things"]["get"]["responses"]
    for status in ("422", "default"):
        assert told[status]["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }
    assert {"Problem"} == document["components"]["schemas"].keys()
    refused = await http.get("/v1/things", params={"limit": "many"})
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert refused.json().keys() >= set(document["components"]["schemas"]["Problem"]["required"])
