#!/bin/bash
# guardpost's agent in the image: started early, beside a rescue shell, ended before the real root.

recovery=/usr/lib/guardpost/guardpost-recovery

configuration() {
    AGENT=/usr/sbin/guardpost-agent
    [[ -x ${dracutsysrootdir-}$AGENT ]] || AGENT=/usr/bin/guardpost-agent # where a package has it
    TAKE="/etc/guardpost/authorized_consoles /etc/guardpost/agent.toml"
    local file="${dracutsysrootdir-}/etc/guardpost/recovery.conf"
    # shellcheck disable=SC1090
    [[ ! -e $file ]] || . "$file"
}

# called by dracut
check() {
    configuration
    require_binaries "$AGENT" "$recovery"
}

# called by dracut
depends() {
    return 0
}

# No agent does without a psk that the host demands.
miss_psk() {
    local psk
    psk=$(sed -n 's/^ *psk *= *"\([^"]*\)".*/\1/p' "$initdir/etc/guardpost/agent.toml" 2> /dev/null)
    [[ -z $psk || -e $initdir$psk ]] ||
        dwarn "guardpost: no agent starts from this image: agent.toml demands $psk;" \
            "name it in TAKE in recovery.conf"
}

# called by dracut
install() {
    local file
    configuration
    inst_binary "$AGENT" /usr/sbin/guardpost-agent
    inst_multiple mkdir cat sleep
    inst_script "$recovery" /usr/sbin/guardpost-recovery
    # (Secrets, too: dracut's images are root's alone, mode 0600.)
    for file in $TAKE; do
        if [[ -f ${dracutsysrootdir-}$file ]]; then
            inst_simple "$file"
        elif [[ -e ${dracutsysrootdir-}$file ]]; then
            dwarn "guardpost: $file left out: it is no file; TAKE in recovery.conf names files"
        fi
    done
    miss_psk
    inst_hook emergency 00 "$moddir/beside-shell.sh"
    if dracut_module_included "systemd"; then
        inst_simple "$moddir/guardpost-recovery.service" \
            "$systemdsystemunitdir/guardpost-recovery.service"
        $SYSTEMCTL -q --root "$initdir" enable guardpost-recovery.service
    else
        inst_hook cmdline 00 "$moddir/start.sh"
        inst_hook cleanup 99 "$moddir/stop.sh"
    fi
}
