#!/bin/sh
# Before a rescue shell opens. (Sourced by dracut; systemd has started its unit already.)
[ -n "$DRACUT_SYSTEMD" ] || /usr/sbin/guardpost-recovery start
/usr/sbin/guardpost-recovery announce
