#!/bin/sh
# Writes the hash-locked requirements from pyproject.toml: test.txt is the union, the others are cut from the very same
# versions. Needs uv (any way of getting it will do); pass --upgrade to take newer versions than those locked.
set -eu
cd "$(dirname "$0")/.."
compile() {
    out=$1
    shift
    ${UV:-uv} pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-annotate --quiet --custom-compile-command scripts/lock.sh --output-file "requirements/$out" "$@"
}
compile test.txt --all-extras "$@"
compile run.txt --constraint requirements/test.txt
compile train.txt --extra train --constraint requirements/test.txt
