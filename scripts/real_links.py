"""Makes a labelled set for `tocsin evaluate-links` from a public 911 log's real geometry and times.

python scripts/real_links.py CALLS.csv OUT.ndjson

CALLS.csv has the columns lat, lng, title, timeStamp, addr (Montgomery County's public log). The words are the log's own
titles, the points are moved to the sample county with their metres kept. Truth, by a stated rule and not by anybody's
knowledge: a call within ten minutes of another that names one of its streets, at most 200 m away, is of its matter.
"""

import csv
import datetime as dt
import json
import math
import sys
from pathlib import Path

HOME = (112.40, 29.36)
THERE = (-75.35, 40.20)
NEAR_M = 200.0
METRES_PER_DEGREE = 111_320.0
WITHIN = dt.timedelta(minutes=10)
LINES = {"EMS": "120", "Fire": "119", "Traffic": "122"}
SQUEEZE = math.cos(math.radians(THERE[1])) / math.cos(math.radians(HOME[1]))


def metres(d_lon: float, d_lat: float) -> float:
    """The length of a difference in degrees, near HOME."""
    return METRES_PER_DEGREE * math.hypot(d_lon * math.cos(math.radians(HOME[1])), d_lat)


def calls(file: Path) -> list[dict[str, object]]:
    """One call a row, in the shape of POST /v1/calls with truth_incident; in order of their times."""
    with file.open(encoding="utf-8", newline="") as f:
        rows = sorted(csv.DictReader(f), key=lambda r: r["timeStamp"])
    recent: list[tuple[dt.datetime, set[str], float, float, str]] = []
    made: list[dict[str, object]] = []
    for n, row in enumerate(rows):
        at = dt.datetime.fromisoformat(row["timeStamp"]).replace(tzinfo=dt.UTC)
        service, _, title = row["title"].partition(": ")
        lon = HOME[0] + (float(row["lng"]) - THERE[0]) * SQUEEZE
        lat = HOME[1] + float(row["lat"]) - THERE[1]
        streets = {x.strip() for x in row["addr"].split("&")} - {"", "DEAD END"}
        recent = [r for r in recent if at - r[0] <= WITHIN]
        same = (r[4] for r in reversed(recent) if streets & r[1] and metres(lon - r[2], lat - r[3]) <= NEAR_M)
        matter = next(same, f"real-{n}")
        recent.append((at, streets, lon, lat, matter))
        made.append(
            {
                "call_id": f"real-{n}",
                "line": LINES.get(service, "110"),
                "channel": "relay",
                "region": "430921",
                "text": f"{service}: {title.strip(' -')}",
                "location": {
                    "address": row["addr"],
                    "point": {"lon": round(lon, 6), "lat": round(lat, 6), "crs": "WGS84"},
                    "accuracy_m": 30,
                },
                "received_at": at.isoformat(),
                "truth_incident": matter,
            }
        )
    return made


def main() -> None:
    """Reads the one file, writes the other."""
    if len(sys.argv) != 3:  # noqa: PLR2004 - the two files
        sys.exit(__doc__)
    lines = (json.dumps(c, ensure_ascii=False) for c in calls(Path(sys.argv[1])))
    Path(sys.argv[2]).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
