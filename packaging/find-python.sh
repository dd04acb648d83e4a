#!/bin/sh
# Prints the first Python on PATH that is new enough, or one line that says what is missing.
# PYTHON=... chooses one by hand.
check='import sys, venv; sys.exit(sys.version_info < (3, 11))'
for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$python" -c "$check" >/dev/null 2>&1; then
        echo "$python"
        exit 0
    fi
done
echo "guardpost needs Python 3.11 or newer with its venv module${PYTHON:+ ($PYTHON is not)};" \
    "install one (Debian 12: apt install python3-venv python3-dev) or set PYTHON=/path/to/python3" >&2
exit 1
