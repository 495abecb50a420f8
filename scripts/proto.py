"""Keeps `proto/` and the code generated from it in step with the domain's values.

    python scripts/proto.py          append what the domain has and proto/ lacks (next field number), then generate
    python scripts/proto.py --check  fail where either would change (CI)

The .proto files are the contract: a field once written keeps its number and type for ever. This script only appends;
`buf breaking` in CI refuses the rest.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from tocsin.codec.reflect import Field, shape  # noqa: E402 - the path above must be set first
from tocsin.codec.registry import FILES  # noqa: E402

SCALARS = {str: "string", int: "int64", float: "double", bool: "bool", bytes: "bytes"}


def declared(f: Field) -> str:
    """The field as proto3 writes it, without its number."""
    of = SCALARS.get(f.of) or f.of.__name__
    if f.kind == "map":
        return f"map<string, {of}> {f.name}"
    if f.kind in ("list", "structs"):
        return f"repeated {of} {f.name}"
    return f"{'optional ' if f.optional and f.kind == 'scalar' else ''}{of} {f.name}"


def reachable(classes: tuple[type[Struct], ...], seen: dict[str, type[Struct]]) -> None:
    """All value classes these are made of, those first."""
    for cls in classes:
        if cls.__name__ in seen:
            if seen[cls.__name__] is not cls:
                raise SystemExit(
                    f"two classes are named {cls.__name__}; messages of one package need names of their own"
                )
            continue
        reachable(tuple(f.of for f in shape(cls) if f.kind in ("struct", "structs")), seen)
        seen[cls.__name__] = cls


def synced(text: str, cls: type[Struct]) -> str:
    """The file's text with this class's message in it, fields appended where they were missing."""
    doc = (cls.__doc__ or cls.__name__).strip().split("\n")[0]
    match = re.search(rf"^message {cls.__name__} \{{\n(.*?)^\}}", text, re.DOTALL | re.MULTILINE)
    if match is None:
        body = "".join(f"  {declared(f)} = {n};\n" for n, f in enumerate(shape(cls), 1))
        return f"{text}\n// {doc}\nmessage {cls.__name__} {{\n{body}}}\n"
    body = match.group(1)
    numbers = [int(n) for n in re.findall(r"= (\d+);", body)]
    known = set(re.findall(r"(\w+) = \d+;", body))
    number = max(numbers, default=0)
    for f in shape(cls):
        if f.name not in known:
            number += 1
            body += f"  {declared(f)} = {number};\n"
        elif not re.search(rf"^\s*{re.escape(declared(f))} = ", body, re.MULTILINE):
            raise SystemExit(f"{cls.__name__}.{f.name}: proto/ has another type; a field never changes, add a new one")
    return text[: match.start(1)] + body + text[match.end(1) :]


def write_protos(into: Path) -> None:
    """Brings every .proto file under `into` up to the domain."""
    seen: dict[str, type[Struct]] = {}
    home: dict[str, str] = {}
    for name, classes in FILES.items():
        path = into / name
        text = path.read_text() if path.exists() else 'syntax = "proto3";\n\npackage tocsin.v1;\n'
        before = set(seen)
        reachable(classes, seen)
        new = [c for n, c in seen.items() if n not in before]
        home |= {c.__name__: name for c in new}
        for cls in new:
            text = synced(text, cls)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            imported(text, {home[f.of.__name__] for c in new for f in shape(c) if f.of.__name__ in home} - {name})
        )


def imported(text: str, files: set[str]) -> str:
    """The text with just these imports."""
    text = re.sub(r'\n(import "[^"]+";\n)+', "", text)
    lines = "".join(f'import "{i}";\n' for i in sorted(files))
    return text.replace("package tocsin.v1;\n", f"package tocsin.v1;\n{chr(10) + lines if lines else ''}", 1)


def generate(protos: Path, out: Path) -> None:
    """Runs protoc with the Python and stub outputs."""
    files = sorted(str(p.relative_to(protos)) for p in protos.rglob("*.proto"))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{protos}",
            f"--python_out={out}",
            f"--mypy_out=quiet:{out}",
            *files,
        ],
        check=True,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
    )


def check() -> int:
    """Generates into an empty place and compares; the number of files that differ."""
    with tempfile.TemporaryDirectory() as place:
        there = Path(place)
        for p in (ROOT / "proto").rglob("*.proto"):
            copy = there / "proto" / p.relative_to(ROOT / "proto")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(p.read_text())
        write_protos(there / "proto")
        generate(there / "proto", there)
        made = [p for p in there.rglob("*") if p.suffix in (".proto", ".py", ".pyi")]
        pairs = [(p, (ROOT if p.suffix == ".proto" else ROOT / "src") / p.relative_to(there)) for p in made]
        stale = [str(b.relative_to(ROOT)) for a, b in pairs if not b.exists() or a.read_text() != b.read_text()]
    for name in stale:
        print(f"{name}: out of step; run `python scripts/proto.py` and commit what it writes", file=sys.stderr)
    return len(stale)


if __name__ == "__main__":
    if "--check" in sys.argv:
        raise SystemExit(1 if check() else 0)
    write_protos(ROOT / "proto")
    generate(ROOT / "proto", ROOT / "src")
