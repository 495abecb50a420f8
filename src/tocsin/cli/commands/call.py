"""`tocsin call`: sends one call and shows what became of it."""

from typing import Annotated, Any

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend

TOKEN_OF_LINE = {"12345": "hotline", "120": "ems_dispatcher"}


def register(app: typer.Typer) -> None:
    """Adds `call`."""

    @app.command()
    def call(
        text: Annotated[str, typer.Option("--text", help="What the caller says.")] = "",
        line: Annotated[str, typer.Option("--line", help="110, 119, 122, 120 or 12345.")] = "119",
        address: Annotated[str, typer.Option("--address", help="The place in words.")] = "",
        lon: Annotated[float | None, typer.Option("--lon", help="Longitude, degrees.")] = None,
        lat: Annotated[float | None, typer.Option("--lat", help="Latitude, degrees.")] = None,
        crs: Annotated[str, typer.Option("--crs", help="WGS84, CGCS2000, GCJ02 or BD09.")] = "WGS84",
        number: Annotated[str, typer.Option("--number", help="The caller's number.")] = "",
        name: Annotated[str, typer.Option("--name", help="The caller's name.")] = "",
        channel: Annotated[str, typer.Option("--channel", help="voice, sms, app, web, sensor or relay.")] = "voice",
        call_id: Annotated[str, typer.Option("--call-id", help="An id of yours: a repeat changes nothing.")] = "",
        exercise: Annotated[bool, typer.Option("--exercise", help="Marks it as an exercise.")] = False,
        wait: Annotated[float, typer.Option("--wait", min=0, max=30, help="Seconds to wait for the decision.")] = 5.0,
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Sends one call and shows what became of it."""
        if (lon is None) != (lat is None):
            raise Mend("A point needs both --lon and --lat", "Give the other one too.")
        body = {
            "line": line, "channel": channel, "text": text, "call_id": call_id, "exercise": exercise,
            "caller": {k: v for k, v in (("number", number), ("name", name)) if v},
            "location": {
                k: v
                for k, v in (
                    ("address", address), ("point", None if lon is None else {"lon": lon, "lat": lat, "crs": crs}),
                )
                if v
            },
        }  # fmt: skip
        deployment = Deployment.find(data_dir)
        token = deployment.tokens[TOKEN_OF_LINE.get(line, "call_taker")]
        receipt, shown = _send(deployment.intake, token, {k: v for k, v in body.items() if v}, wait)
        if as_json:
            from tocsin.cli.progress import out

            out(receipt | shown)
        else:
            _print(receipt, shown)


def _send(intake: str, token: str, body: dict[str, Any], wait: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """The 202's body and what GET says of the call afterwards; Mend with the problem's own words otherwise."""
    import httpx

    headers = {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=intake, headers=headers, timeout=wait + 10) as http:
            receipt = _answer(http.post("/v1/calls", json=body))
            shown = _answer(http.get(f"/v1/calls/{receipt['call_id']}", params={"wait": wait}))
    except httpx.TransportError as e:
        raise Mend(f"Intake at {intake} does not answer ({e})", "Look at `tocsin status`.") from e
    return receipt, shown


def _answer(response: Any) -> dict[str, Any]:
    said: dict[str, Any] = response.json()
    if response.is_success:
        return said
    fields = "; ".join(f"{x['field'] or 'body'}: {x['message']}" for x in said.get("errors", []))
    raise Mend(f"Refused ({said.get('code')}): {fields or said.get('detail')}", "Correct it and send it again.")


def _print(receipt: dict[str, Any], shown: dict[str, Any]) -> None:
    from rich.console import Console

    told = Console(highlight=False)
    told.print(f"{receipt['call_id']}  recorded {receipt['recorded_at']}  safe in the {receipt['durability']}")
    if receipt["flags"]:
        told.print(f"flags: {', '.join(receipt['flags'])}")
    if shown["status"] == "recorded":
        told.print("not decided yet; ask again with `tocsin explain`")
        return
    incidents = ", ".join(shown["incident_ids"]) or "no incident"
    told.print(f"{shown['kind']}, priority {shown['priority']}: {shown['disposition']} → {incidents}")
    if shown["status"] == "review":
        told.print("waits for a person to look at it")
