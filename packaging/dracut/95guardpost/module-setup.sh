#!/bin/bash
# guardpost's agent in the image: started early, beside a rescue shell, ended before the real root.

recovery=/usr/lib/guardpost/guardpost-recovery

configuration() {
    AGENT=/usr/sbin/guardpost-agent
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

# called by dracut
install() {
    local file
    configuration
    inst_binary "$AGENT" /usr/sbin/guardpost-agent
    inst_multiple mkdir cat sleep
    inst_script "$recovery" /usr/sbin/guardpost-recovery
    for file in $TAKE; do
        [[ ! -e ${dracutsysrootdir-}$file ]] || inst_simple "$file"
    done
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
