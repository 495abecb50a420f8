"""`python -m tocsin.runtime.probe PORT [PATH]`: exit 0 where a service answers, for container health checks."""

import sys
import urllib.error
import urllib.request

SECONDS_MAX = 3.0


def alive(port: int, path: str = "/healthz") -> bool:
    """Whether the service answers with 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=SECONDS_MAX) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's own figure
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    raise SystemExit(0 if alive(int(sys.argv[1]), *sys.argv[2:3]) else 1)
