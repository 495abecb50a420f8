"""`tocsin dossier ID`: the whole case as one file, with its proof from the chain, readable without Tocsin."""

import hashlib
import html
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import to_builtins

from tocsin.cli.commands.explain import Lang, in_chinese, language_asked, read, story
from tocsin.cli.deployment import DATA_DIR, AsJson, DataDir, Deployment
from tocsin.cli.errors import Mend

if TYPE_CHECKING:
    from tocsin.log.anchors import Anchor

Json = dict[str, Any]
HOW = (
    "Each record under proof.items is the event's bytes as they stand on the log (hex). Its BLAKE2b-256 is its hash; "
    "the next event of the region names that hash as its prev_hash, and anchors written outside the log name chain "
    "heads: a record changed, put in or taken out afterwards breaks a link."
)
HOW_ZH = (
    "proof.items 中的每条 record 是该事件在日志上的原始字节（十六进制），其 BLAKE2b-256 即为它的哈希；"
    "本地区的下一条事件以 prev_hash 写明这个哈希，日志之外另存的锚点写明链头：事后改动、插入或删去任何一条，链就断开。"
)


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def dossier(
        ident: Annotated[str, typer.Argument(metavar="ID", help="A call's, incident's or task's id.")],
        output: Annotated[Path | None, typer.Option("--output", help="The file; .html for a page, else JSON.")] = None,
        lang: Lang = "",
        data_dir: DataDir = DATA_DIR,
        as_json: AsJson = False,
    ) -> None:
        """Writes the whole case with its proof into one file; exit code 1 where the proof does not hold.

        A page is told in the language asked for (`explain --lang`); the JSON stays as it is.
        """
        language = language_asked(lang)
        deployment = Deployment.find(data_dir)
        case = collect(deployment, data_dir, ident)
        proof = case["proof"]
        if as_json:
            print(json.dumps(case, ensure_ascii=False))
        else:
            file = output or Path(f"dossier-{case['incident']['incident_id']}.json")
            if file.suffix == ".html":
                told_of = case | {"id": ident, "mission": None}  # a patient's matters stay at the 120 centre
                lines = in_chinese(deployment, told_of) if language == "zh" else case["story"]
                text = page(case, lines, HOW_ZH if language == "zh" else HOW)
            else:
                text = json.dumps(case, ensure_ascii=False, indent=2)
            file.write_text(text, encoding="utf-8")
            told = f"{proof['linked']} of {proof['links']} links of the chain hold"
            print(f"{file}: {len(case['events'])} events, {told}, {proof['anchored']} of them anchored outside the log")
        if proof["broken"]:
            raise Mend(
                f"The proof of {ident} does not hold: {', '.join(proof['broken'])[:300]}", "Run `tocsin audit verify`."
            )


def collect(deployment: Deployment, data_dir: Path, ident: str) -> Json:
    """The case: incident, events, deliveries, and the proof with what was checked of it."""
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
        "proof": prove(items, {e["event_id"] for e in told["events"]}, anchors_of(data_dir, incident_id[:6])),
    }


def prove(items: list[Json], events: Collection[str], anchors: "Sequence[Anchor]") -> Json:
    """Every record against its hash, every link to the region's next event that is known, every anchor it meets.

    Of a matter that goes on the log may have grown since its events were read: only those told are proved.
    """
    held = [i for i in items if i["event_id"] in events]
    broken = []
    for item in held:
        good = hashlib.blake2b(bytes.fromhex(item["record"]), digest_size=32).hexdigest() == item["hash"]
        following = item.get("next")
        if not good or (following is not None and following["prev_hash"] != item["hash"]):
            broken.append(f"event {item['seq']}")
    hashes = {i["seq"]: i["hash"] for i in held}
    met = [a for a in anchors if a.seq in hashes]
    broken += [f"the anchor of {a.seq}" for a in met if a.hash != hashes[a.seq]]
    after = [a for a in anchors if a.seq > max(hashes, default=0)][:1]  # the first head that has all of it before it
    linked = len(held) - sum(b.startswith("event") for b in broken)
    shown = [to_builtins(a) for a in (*met, *after)]
    return {
        "items": held, "links": len(held), "linked": linked, "anchors": shown, "anchored": len(met), "broken": broken,
    }  # fmt: skip


def anchors_of(data_dir: Path, region: str) -> "list[Anchor]":
    """The chain heads of this region that were anchored outside the log, oldest first."""
    from tocsin.log.anchors import read_anchors
    from tocsin.log.topics import INCIDENT_EVENTS

    held = read_anchors(data_dir / "anchors.ndjson")
    return [a for a in held if a.chain == region and a.topic == INCIDENT_EVENTS.name]


def page(case: Json, story: Sequence[str], how: str) -> str:
    """The case as a page of its own, printable, the whole JSON within."""
    proved = {p["event_id"]: p for p in case["proof"]["items"]}
    rows = "".join(
        f"<tr><td>{p['seq']}</td><td>{html.escape(e['recorded_at'])}</td><td>{html.escape(e['type'])}</td>"
        f"<td><code>{html.escape(json.dumps(e['data'], ensure_ascii=False))}</code></td>"
        f"<td><code>{p['hash'][:16]}…</code></td></tr>"
        for e in case["events"]
        if (p := proved.get(e["event_id"], {"seq": "-", "hash": ""})) is not None
    )
    lines = html.escape("\n".join(story))
    held = json.dumps(case, ensure_ascii=False).replace("<", "\\u003c")
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8">'
        f"<title>{case['dossier']}</title><style>body{{font:15px/1.5 system-ui,sans-serif;margin:2em}}"
        "td{border-top:1px solid #ccc;padding:4px 8px;vertical-align:top;overflow-wrap:anywhere}"
        "pre{white-space:pre-wrap}</style>"
        f"<h1>{case['dossier']}</h1><pre>{lines}</pre><table>{rows}</table><p>{html.escape(how)}</p>"
        f'<script type="application/json" id="dossier">{held}</script></html>'
    )
