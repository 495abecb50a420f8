"""`tocsin dossier ID`: the whole case as one file, with its proof from the chain, readable without Tocsin."""

import hashlib
import html
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment

Json = dict[str, Any]
HOW = (
    "Each record under proof.items is the event's bytes as they stand on the log (hex). Its BLAKE2b-256 is its hash; "
    "the next event of the region names that hash as its prev_hash, and anchors written outside the log name chain "
    "heads: a record changed, put in or taken out afterwards breaks a link."
)


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def dossier(
        ident: Annotated[str, typer.Argument(metavar="ID", help="A call's, incident's or task's id.")],
        output: Annotated[Path | None, typer.Option("--output", help="The file; .html for a page, else JSON.")] = None,
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Writes the whole case with its proof into one file."""
        case = collect(Deployment.find(data_dir), data_dir, ident)
        if as_json:
            print(json.dumps(case, ensure_ascii=False))
            return
        file = output or Path(f"dossier-{case['incident']['incident_id']}.json")
        text = page(case) if file.suffix == ".html" else json.dumps(case, ensure_ascii=False, indent=2)
        file.write_text(text, encoding="utf-8")
        proof = case["proof"]
        print(f"{file}: {len(case['events'])} events, {proof['linked']} of {proof['links']} links of the chain hold")


def collect(deployment: Deployment, data_dir: Path, ident: str) -> Json:
    """The case: incident, events, deliveries, and the proof with what was checked of it."""
    from tocsin.cli.commands.explain import read, story

    told = story(deployment, ident)
    incident_id = told["incident"]["incident_id"]
    with deployment.client("notifier") as http:
        items = read(http, f"/v1/incidents/{incident_id}/proof", ident)["items"]
    return {
        "dossier": incident_id,
        "how_to_check": HOW,
        "incident": told["incident"],
        "story": told["story"],
        "events": told["events"],
        "deliveries": told["deliveries"],
        "proof": prove(items) | {"anchors": anchors(data_dir, incident_id[:6])},
    }


def prove(items: list[Json]) -> Json:
    """Checks every record against its hash, and every link to the region's next event that is known."""
    links = linked = 0
    for item in items:
        good = hashlib.blake2b(bytes.fromhex(item["record"]), digest_size=32).hexdigest() == item["hash"]
        following = item.get("next")
        links += 1
        linked += good and (following is None or following["prev_hash"] == item["hash"])
    return {"items": items, "links": links, "linked": linked}


def anchors(data_dir: Path, region: str) -> list[Json]:
    """The chain heads of this region that were anchored outside the log."""
    file = data_dir / "anchors.ndjson"
    if not file.exists():
        return []
    held = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [a for a in held if region in (a.get("region"), *(a.get("heads") or {}))]


def page(case: Json) -> str:
    """The case as a page of its own, printable, the whole JSON within."""
    rows = "".join(
        f"<tr><td>{p['seq']}</td><td>{html.escape(e['recorded_at'])}</td><td>{html.escape(e['type'])}</td>"
        f"<td><code>{html.escape(json.dumps(e['data'], ensure_ascii=False))}</code></td>"
        f"<td><code>{p['hash'][:16]}…</code></td></tr>"
        for e, p in zip(case["events"], case["proof"]["items"], strict=True)
    )
    lines = html.escape("\n".join(case["story"]))
    held = json.dumps(case, ensure_ascii=False).replace("<", "\\u003c")
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8">'
        f"<title>{case['dossier']}</title><style>body{{font:15px/1.5 system-ui,sans-serif;margin:2em}}"
        "td{border-top:1px solid #ccc;padding:4px 8px;vertical-align:top;overflow-wrap:anywhere}"
        "pre{white-space:pre-wrap}</style>"
        f"<h1>{case['dossier']}</h1><pre>{lines}</pre><table>{rows}</table><p>{html.escape(case['how_to_check'])}</p>"
        f'<script type="application/json" id="dossier">{held}</script></html>'
    )
