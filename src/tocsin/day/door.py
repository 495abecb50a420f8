"""The deployment as the people of a played day meet it: HTTP with the right person's token, patient with restarts."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

_PATIENCE_S = 60.0
_PAUSE_S = 0.25
_BUSY = (429, 502, 503, 504)


class Door:
    """Sends as whoever the act needs. Transport errors and busy answers are tried again: ids make repeats harmless."""

    def __init__(self, run: Mapping[str, Any]) -> None:
        self.urls: dict[str, str] = {s: run[s] for s in ("intake", "notifier", "ems120", "supervision")}
        self.tokens: dict[str, str] = dict(run["tokens"])
        self.agency_tokens: dict[str, str] = dict(run["agency_tokens"])
        self.unit_tokens: dict[str, str] = dict(run["unit_tokens"])
        self._client = httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=64))

    def desk(self, line: str) -> str:
        """The token of whoever takes calls on this line."""
        return self.tokens[{"12345": "hotline", "120": "ems_dispatcher"}.get(line, "call_taker")]

    async def ask(self, method: str, service: str, path: str, token: str, body: object = None) -> httpx.Response:
        """One request; raises TimeoutError when the deployment stays away for a minute."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_S
        headers = {"Authorization": f"Bearer {token}"}
        while loop.time() < deadline:
            try:
                url = f"{self.urls[service]}{path}"
                answer = await self._client.request(method, url, headers=headers, json=body)
            except httpx.TransportError:
                await asyncio.sleep(_PAUSE_S)
                continue
            if answer.status_code not in _BUSY:
                return answer
            await asyncio.sleep(_PAUSE_S)
        raise TimeoutError(f"{service} did not answer {method} {path} for {_PATIENCE_S:.0f} s; see `tocsin status`")

    async def get(self, service: str, path: str, token: str) -> Any:
        """A GET's JSON, or None where there is nothing (404)."""
        answer = await self.ask("GET", service, path, token)
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    async def act(self, path: str, token: str, body: dict[str, Any], *, service: str = "intake") -> dict[str, Any]:
        """A command, waited for; its outcome's document, refusals included."""
        answer = await self.ask("POST", service, f"{path}?wait=5", token, body)
        document: dict[str, Any] = answer.json()
        return document

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.aclose()
