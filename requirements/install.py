"""Makes the checkout's virtual environment from a hash-locked list. Standard library only: it runs before all else.

`python install.py VENV KIND` with KIND run, test or train. Safe when two start at once (the second waits and finds
the work done), redone when the lock or the Python changed, begun anew where an earlier one was interrupted. All that it
prints goes to standard error. pip's own settings (mirrors, proxies, certificates) hold: it is pip that installs.
"""

import fcntl
import hashlib
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def stamp_of(kind: str) -> str:
    """What an installation must have been made from to count as done: the lock's hash and the Python."""
    lock = hashlib.sha256((HERE / f"{kind}.txt").read_bytes()).hexdigest()
    return f"{lock} {sys.version_info.major}.{sys.version_info.minor} {ROOT}\n"


def say(text: str) -> None:
    """A line for the person who waits."""
    sys.stderr.write(f"tocsin: {text}\n")
    sys.stderr.flush()


def is_done(folder: Path, kind: str) -> bool:
    """Whether this very lock is installed. The larger list holds all of the smaller ones."""
    for name in (kind, *(("test",) if kind != "test" else ())):
        stamp = folder / f".tocsin-{name}"
        if stamp.exists() and stamp.read_text() == stamp_of(name) and (folder / "bin" / "python").exists():
            return True
    return False


def works(folder: Path) -> bool:
    """Whether there is a Python with a pip in it, of the version that runs this."""
    asked = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
    python = folder / "bin" / "python"
    if not python.exists():
        return False
    said = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=False)  # noqa: S603 - our own Python
    return said.stdout.strip() == f"{sys.version_info.major}.{sys.version_info.minor}"


def install(folder: Path, kind: str) -> int:
    """Installs; 0, or pip's exit code after a line with the mend."""
    begun = folder / ".tocsin-installing"
    if begun.exists() or not works(folder):
        say(f"making a virtual environment in {folder}")
        venv.create(folder, clear=True, with_pip=True)
    begun.touch()
    for old in (f".tocsin-{kind}", ".tocsin-test"):
        (folder / old).unlink(missing_ok=True)
    say(f"installing what is locked in requirements/{kind}.txt")
    quiet = [] if sys.stderr.isatty() else ["--quiet", "--progress-bar", "off"]
    command = [
        str(folder / "bin" / "python"), "-m", "pip", "install", "--require-hashes", "--no-deps", "--prefer-binary",
        "--disable-pip-version-check", "--no-compile", "--no-input", *quiet, "-r", str(HERE / f"{kind}.txt"),
    ]  # fmt: skip
    code = subprocess.run(command, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False).returncode  # noqa: S603 - pip
    if code:
        begun.unlink()  # pip said what is wrong and took nothing half-way back: what it has installed can stay
        say("the requirements could not be installed (see above). Check the network and pip's settings (index, proxy).")
        return code
    paths = {"base": str(folder), "platbase": str(folder)}
    site = Path(
        sysconfig.get_path("purelib", "venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix", paths)
    )
    (site / "tocsin-checkout.pth").write_text(f"{ROOT / 'src'}\n{ROOT}\n")
    (folder / f".tocsin-{kind}").write_text(stamp_of(kind))
    begun.unlink()
    return 0


def main() -> int:
    """Under a lock that the kernel releases when we die, however we die."""
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    if is_done(folder, kind):
        return 0
    with folder.with_name(f"{folder.name}.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another tocsin is installing; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        return 0 if is_done(folder, kind) else install(folder, kind)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, subprocess.SubprocessError) as e:
        say(f"the virtual environment could not be made ({e}). Debian and Ubuntu need the package python3-venv; "
            "the directory must be writable and have about 1 GB free.")  # fmt: skip
        sys.exit(1)
