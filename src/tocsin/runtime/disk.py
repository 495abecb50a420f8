"""What is on disk and not only said to be."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Makes a new or deleted name in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
