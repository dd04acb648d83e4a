#!/bin/sh
# sh packaging/recovery/install.sh dracut|initramfs-tools [ROOT]
# Puts guardpost's part of that builder where it looks (below ROOT, by default /). The executable
# itself belongs to /usr/sbin/guardpost-agent, or where a package has it; nothing is built, and no
# image is touched.
set -eu

here=$(dirname "$0")
builder=${1:-}
root=${2:-}

case $builder in
dracut)
    modules=$root/usr/lib/dracut/modules.d
    mkdir -p "$modules"
    cp -R "$here/../dracut/95guardpost" "$modules/"
    ;;
initramfs-tools)
    tools=$root/usr/share/initramfs-tools
    for file in hooks/guardpost scripts/init-top/guardpost scripts/init-bottom/guardpost \
        scripts/panic/guardpost; do
        install -D -m 755 "$here/../initramfs-tools/$file" "$tools/$file"
    done
    ;;
*)
    echo "install.sh: unknown builder '$builder'; give dracut or initramfs-tools" >&2
    exit 2
    ;;
esac
install -D -m 755 "$here/guardpost-recovery" "$root/usr/lib/guardpost/guardpost-recovery"
[ -e "$root/etc/guardpost/recovery.conf" ] ||
    install -D -m 644 "$here/recovery.conf" "$root/etc/guardpost/recovery.conf"
