#!/bin/sh
# sh packaging/recovery/busybox-image.sh AGENT OUTPUT [FILE=/PATH/IN/THE/IMAGE...]
# An initramfs of a static busybox (BUSYBOX=FILE, or the one on PATH) and guardpost-agent, with the
# files that are named. It needs no root, and cpio alone (Debian: busybox-static, cpio).
set -eu

here=$(dirname "$0")
agent=$1
output=$2
shift 2
image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT

put() {
    install -D -m "$1" "$2" "$image/$3"
}

put 755 "$here/init" init
put 755 "$here/guardpost-recovery" usr/sbin/guardpost-recovery
put 755 "$agent" usr/sbin/guardpost-agent
put 755 "${BUSYBOX:-$(command -v busybox)}" bin/busybox
for file; do
    put 600 "${file%%=*}" "${file#*=}"
done
chmod 755 "$image"
# Keys, hashes and a golden executable are in it.
rm -f "$output"
umask 077
(cd "$image" && find . | cpio -o -H newc -R 0:0 --quiet) > "$output"
