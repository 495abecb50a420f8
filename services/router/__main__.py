"""`python -m services.router`: one deciding process, all settings from the environment."""

from services.router.app import run
from tocsin.runtime.deciding import process


def main() -> None:
    """Decides until SIGTERM."""
    process("router", run)


if __name__ == "__main__":
    main()
