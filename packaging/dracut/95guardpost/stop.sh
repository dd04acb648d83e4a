#!/bin/sh
# (Sourced by dracut's init.)
/usr/sbin/guardpost-recovery stop
