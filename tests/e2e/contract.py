"""What the contract's tests share: a county seen from the outside, with call ids and places of its own."""

import uuid
from typing import Any

from tests.support import eventually_sync
from tocsin.cli.deployment import Deployment

SEAT = {"110": "call_taker", "119": "call_taker", "122": "call_taker", "120": "ems_dispatcher", "12345": "hotline"}


class Outside:
    """The HTTP side of a deployment. `name` parts one file's call ids and places from another's."""

    def __init__(self, county: Deployment, name: str, south: float) -> None:
        self.county, self._name, self._south, self._count = county, name, south, 0
        self._versions: dict[str, int] = {}

    def fresh(self) -> dict[str, Any]:
        """An id, a number and a place that no other call has, more than a kilometre from the next."""
        self._count += 1
        n = self._count
        point = {"lon": 112.25 + 0.014 * (n % 16), "lat": self._south + 0.013 * (n // 16), "crs": "WGS84"}
        number = f"1380000{int(self._south * 1000) % 100:02d}{n:02d}"
        return {"call_id": f"{self._name}-{n}", "caller": {"number": number}, "location": {"point": point}}

    def post(self, line: str, text: str | None = None, *, role: str = "", **more: Any) -> Any:
        """The answer to a call."""
        body = {"line": line, **self.fresh(), **({} if text is None else {"text": text}), **more}
        with self.county.client("intake", role or SEAT[line], seconds=60) as http:
            return http.post("/v1/calls", json={k: v for k, v in body.items() if v is not None})

    def call(self, line: str, text: str | None = None, **more: Any) -> dict[str, Any]:
        """A call's record once it is decided."""
        answer = self.post(line, text, **more)
        assert answer.status_code == 202, answer.text
        return self.recorded(answer.json()["call_id"])

    def recorded(self, call_id: str) -> dict[str, Any]:
        """What became of a call."""
        with self.county.client("intake", "commander", seconds=60) as http:

            def decided() -> dict[str, Any] | None:
                found: dict[str, Any] = http.get(f"/v1/calls/{call_id}", params={"wait": 15}).json()
                return found if found["status"] != "recorded" else None

            found = eventually_sync(decided, what=f"{call_id} is decided")
        assert found is not None
        return found

    def act(self, on: str, target: str, command: str, *, role: str = "commander", **body: Any) -> Any:
        """The answer to a command once it is decided; `role` may be an agency.

        Where it is not decided within the wait it is sent again under its own id, which has no second effect.
        """
        body = {"command_id": f"{self._name}-act-{uuid.uuid4()}", "command": command, **body}
        with self.county.client("intake", role, seconds=60) as http:

            def answered() -> Any:
                answer = http.post(f"/v1/{on}/{target}/commands", params={"wait": 15}, json=body)
                return None if answer.status_code == 202 else (answer,)

            [answer] = eventually_sync(answered, what=f"{command} is decided")
        for event in answer.json().get("events", ()) if answer.status_code == 200 else ():
            known = self._versions.get(event["incident_id"], 0)
            self._versions[event["incident_id"]] = max(known, event["version"])
        return answer

    def said(self, *args: Any, **more: Any) -> list[str]:
        """The types of the events an accepted command led to."""
        answer = self.act(*args, **more)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outcome"] == "accepted"
        return [e["type"] for e in answer.json()["events"]]

    def refused(self, *args: Any, **more: Any) -> str:
        """The code of a refused command."""
        answer = self.act(*args, **more)
        assert answer.status_code == 409, answer.text
        return str(answer.json()["code"])

    def incident(self, incident_id: str, version: int = 1) -> dict[str, Any]:
        """An incident as the notifier shows it, at this version at least and at that of the last act on it.

        The notifier reads the log for itself: what intake has answered it may not have read yet.
        """
        version = max(version, self._versions.get(incident_id, 0))
        with self.county.client("notifier", "commander", seconds=60) as http:

            def shown() -> dict[str, Any] | None:
                answer = http.get(f"/v1/incidents/{incident_id}")
                found: dict[str, Any] | None = answer.json() if answer.status_code == 200 else None
                return found if found is not None and found["version"] >= version else None

            found = eventually_sync(shown, what=f"{incident_id} at version {version}")
        assert found is not None
        return found

    def history(self, incident_id: str) -> list[dict[str, Any]]:
        """All events of an incident, in order, those of the last act on it among them."""
        self.incident(incident_id)
        with self.county.client("notifier", "commander", seconds=60) as http:
            found: list[dict[str, Any]] = http.get(f"/v1/incidents/{incident_id}/events?limit=500").json()["items"]
        return found
