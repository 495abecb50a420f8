"""`python -m tocsin.broker.make_topics`: makes the missing topics on the cluster of the settings, then ends.

For containers, where a job makes the topics before the services start; `tocsin up` does the same by itself.
"""

import asyncio
import sys

from tocsin.broker.topics import ensure_topics
from tocsin.runtime.mend import Mend
from tocsin.runtime.settings import Settings


def main() -> int:
    """Exit code 0 when all topics are there; 1 with one line that says what to do."""
    try:
        made = asyncio.run(ensure_topics(Settings()))
    except Mend as e:
        sys.stderr.write(f"{e}\n")
        return 1
    sys.stderr.write(f"topics made: {len(made)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
