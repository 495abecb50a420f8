"""`python -m services.ems120`: the 120 centre, all settings from the environment."""

from services.ems120.app import run
from tocsin.runtime.deciding import process


def main() -> None:
    """Decides until SIGTERM."""
    process("ems120", run)


if __name__ == "__main__":
    main()
