#!/bin/sh
# Tocsin's launcher: finds a Python, makes .venv from the hash-locked requirements on first use, hands over.
set -eu

here=$0
while [ -h "$here" ]; do
    link=$(readlink "$here")
    case $link in /*) here=$link ;; *) here=$(dirname -- "$here")/$link ;; esac
done
root=$(CDPATH='' cd -- "$(dirname -- "$here")" && pwd -P)
venv=${TOCSIN_VENV:-$root/.venv}

kind=run
[ "${1:-}" = test ] && kind=test

suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=
for candidate in ${TOCSIN_PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 python; do
    if command -v "$candidate" >/dev/null 2>&1 && suits "$candidate"; then
        python=$candidate
        break
    fi
done
# A whole environment that is there keeps the Python it was made with.
if [ -x "$venv/bin/python" ] && [ ! -e "$venv/.tocsin-installing" ] && suits "$venv/bin/python"; then
    python=$venv/bin/python
fi
if [ -z "$python" ]; then
    echo "tocsin: no Python 3.11 or newer was found. Install one (on Debian: apt install python3 python3-venv), or name it with TOCSIN_PYTHON=/path/to/python3." >&2
    exit 1
fi
"$python" -I "$root/requirements/install.py" "$venv" "$kind" || exit $?
exec "$venv/bin/python" -m tocsin "$@"
