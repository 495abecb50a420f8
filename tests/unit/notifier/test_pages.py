"""The console's files stand under every path; what the API says of its own paths is said all the same."""

import httpx
import pytest

from services.notifier.pages import mount
from tocsin.runtime.web import create_app


@pytest.fixture
async def http() -> httpx.AsyncClient:
    """A service with two routes on one path, and the console."""
    app = create_app("test", secret=b"x" * 32, ready=[])

    @app.get("/v1/things/{name}")
    async def show(name: str) -> dict[str, str]:
        return {"name": name}

    @app.delete("/v1/things/{name}")
    async def drop(name: str) -> dict[str, str]:
        return {"gone": name}

    mount(app)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "OPTIONS"])
async def test_another_method_is_405_with_those_there_are(http: httpx.AsyncClient, method: str) -> None:
    """Not a 404 of a file by that name, and not the files' own methods."""
    answer = await http.request(method, "/v1/things/a")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
async def test_what_is_not_there_is_404_by_any_method(http: httpx.AsyncClient, method: str) -> None:
    """An unknown path of the API takes no method; the answer says where to look."""
    answer = await http.request(method, "/v1/nothing")
    assert answer.status_code == 404
    assert method == "HEAD" or "/openapi.json" in answer.json()["detail"]


async def test_the_console_is_served_at_the_root(http: httpx.AsyncClient) -> None:
    """With its own rules for scripts, to GET and HEAD."""
    for method in ("GET", "HEAD"):
        answer = await http.request(method, "/")
        assert answer.status_code == 200
        assert "script-src 'self'" in answer.headers["content-security-policy"]
