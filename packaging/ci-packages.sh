#!/bin/sh
# Installs what the tests use, on a build machine only: CI=1 (or true) and root. Everywhere else it
# does nothing, and the tests name what is missing instead. With "slow" also what only those use.
set -eu
case "${CI:-}" in 1 | true) ;; *) exit 0 ;; esac
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 0

missing=
for package in $(grep -v '^#' "$(dirname "$0")/test-packages.txt" |
    awk -v slow="${1:-}" '$3 == "" || $3 == slow { print $1 }'); do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
# A failure is no reason to stop: the tests say exactly what they then cannot do, and fail for it.
{ apt-get -q update && apt-get -q -y install --no-install-recommends $missing; } </dev/null >/tmp/guardpost-packages.log 2>&1 ||
    { echo "could not install them:"; tail -n 5 /tmp/guardpost-packages.log; } >&2
