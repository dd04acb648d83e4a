"""What runs an agent as a service: a unit of systemd, a script of OpenRC, a script of sysvinit.

packaging/ has the same, made of these for /usr/bin/guardpost-agent. `command` is an absolute path,
with words behind it where it needs some.
"""

__all__ = ["openrc_script", "systemd_unit", "sysvinit_script"]

SYSTEMD = """\
# A sealed session and a text prompt on {port_words}.
# Its options are in /etc/guardpost/agent.toml: port, take-over, prompt, ...
# (docs/installing.md); who may come in, in /etc/guardpost/authorized_consoles.

[Unit]
Description=guardpost agent on {port_name}
Documentation=man:guardpost-agent(8)
# Also where little else runs, in rescue and emergency mode: it waits for the local file systems
# (its key lies in /var/lib) and for nothing else, and ends with the host.
DefaultDependencies=no
After=systemd-remount-fs.service local-fs.target
Conflicts=shutdown.target
Before=shutdown.target
# With neither a key nor a password nobody could use it, and it would refuse to start.
ConditionFileNotEmpty=|/etc/guardpost/authorized_consoles
ConditionFileNotEmpty=|/etc/guardpost/accounts
# The last way into a host never gives up.
StartLimitIntervalSec=0

# A getty on the same port is neither stopped nor waited for by this unit. The agent says who has
# the port and waits; with `take-over = true` in agent.toml it stops that getty while it runs.

[Service]
# Ready is an agent whose port is open, or that waits for one.
Type=notify
NotifyAccess=main
# A service that has the port may take its time to stop, with take-over.
TimeoutStartSec=5min
ExecStart={command} --wait{port_argument}
Restart=always
RestartSec=5
# The agent's loop shows that it turns; the longest that it may stand still is for systemctl,
# with take-over.
WatchdogSec=5min
# SIGTERM lets the agent say goodbye and end what runs for its consoles. What they have left
# behind on purpose (a daemon, dhclient) goes on, as with sshd.
KillMode=process
TimeoutStopSec=90
# A program of a console that takes all memory is no reason to end the agent.
OOMPolicy=continue
# Session keys stay out of core dumps; a shell may raise its own limit again.
LimitCORE=0:infinity
# The agent's key, for nobody else; /etc/guardpost also has hosts.toml, which is for all.
StateDirectory=guardpost
StateDirectoryMode=0700
ConfigurationDirectory=guardpost
ConfigurationDirectoryMode=0755
# Nothing else is restricted, as in sshd's unit. Whatever is taken from the agent is taken from
# each program it starts: a root shell that cannot mount, load a module, set the clock, write to
# /usr or use sudo repairs no host.

[Install]
# In rescue and emergency mode, too.
WantedBy=multi-user.target rescue.target emergency.target
"""


def systemd_unit(command: str, *, template: bool = False) -> str:
    """A unit of systemd; as a `template` its instance is the port: guardpost-agent@ttyS1."""
    return SYSTEMD.format(
        command=command,
        port_words="/dev/%I, the instance's port" if template else "a serial port of this host",
        port_name="%I" if template else "the host's serial port",
        port_argument=" /dev/%I" if template else "",
    )


OPENRC = """\
#!/sbin/openrc-run
# A sealed session and a text prompt on a serial port of this host. Its options are in
# /etc/guardpost/agent.toml, or in guardpost_args of /etc/conf.d/guardpost-agent.

description="guardpost agent on the host's serial port"
supervisor=supervise-daemon
command={program}
command_args="{words}--wait ${{guardpost_args:-}}"
pidfile=/run/guardpost-agent.pid
output_log=/var/log/guardpost-agent.log
error_log=/var/log/guardpost-agent.log
respawn_delay=5
# The last way into a host never gives up.
respawn_max=0
# SIGTERM lets the agent say goodbye and end what runs for its consoles.
retry=TERM/30

depend() {{
    need localmount
    after bootmisc logger
}}

start_pre() {{
    checkpath --directory --mode 0700 /var/lib/guardpost
    # With neither a key nor a password nobody could use it, and it would refuse to start.
    [ -s /etc/guardpost/authorized_consoles ] || [ -s /etc/guardpost/accounts ] || {{
        eerror "nobody could use it: put a key into /etc/guardpost/authorized_consoles first"
        return 1
    }}
}}
"""


def openrc_script(command: str) -> str:
    """/etc/init.d/guardpost-agent of OpenRC, which also sees to it that the agent lives."""
    program, _, words = command.partition(" ")
    return OPENRC.format(program=program, words=f"{words} " if words else "")


SYSVINIT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          guardpost-agent
# Required-Start:    $local_fs
# Required-Stop:     $local_fs
# Should-Start:      $syslog
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: guardpost agent on the host's serial port
# Description:       A sealed session and a text prompt on a serial port of this host.
### END INIT INFO
# Its options are in /etc/guardpost/agent.toml, or in ARGUMENTS of /etc/default/guardpost-agent.
# Nobody starts it again if it ends; /etc/inittab can, and does so in single-user mode, too:
#   gp:S2345:respawn:{command} --wait

PATH=/usr/sbin:/usr/bin:/sbin:/bin
PROGRAM={program}
PIDFILE=/run/guardpost-agent.pid
# Whoever has got the pid of an agent that was killed is not stopped for it.
NAME={name}
LOG=/var/log/guardpost-agent.log
ARGUMENTS=
[ ! -r /etc/default/guardpost-agent ] || . /etc/default/guardpost-agent
[ -x "$PROGRAM" ] || exit 0

running() {{
    start-stop-daemon --status --pidfile "$PIDFILE" --name "$NAME"
}}

start() {{
    if running; then
        echo "guardpost-agent runs already"
        return 0
    fi
    # With neither a key nor a password nobody could use it, and it would refuse to start.
    if [ ! -s /etc/guardpost/authorized_consoles ] && [ ! -s /etc/guardpost/accounts ]; then
        echo "nobody could use it: put a key into /etc/guardpost/authorized_consoles first" >&2
        return 6
    fi
    (umask 077; mkdir -p /var/lib/guardpost; : >>"$LOG")
    start-stop-daemon --start --background --make-pidfile --pidfile "$PIDFILE" --name "$NAME" \\
        --output "$LOG" --startas "$PROGRAM" -- {words}--wait $ARGUMENTS
}}

stop() {{
    # SIGTERM lets the agent say goodbye and end what runs for its consoles.
    start-stop-daemon --stop --oknodo --pidfile "$PIDFILE" --name "$NAME" --remove-pidfile \\
        --retry TERM/30/KILL/5
}}

case "${{1:-}}" in
    start) start ;;
    stop) stop ;;
    restart | force-reload) stop && start ;;
    try-restart) if running; then stop && start; fi ;;
    status)
        running
        status=$?
        [ $status = 0 ] && echo "guardpost-agent runs" || echo "guardpost-agent does not run"
        exit $status
        ;;
    *)
        echo "usage: $0 start|stop|restart|try-restart|force-reload|status" >&2
        exit 2
        ;;
esac
"""


def sysvinit_script(command: str) -> str:
    """/etc/init.d/guardpost-agent of sysvinit."""
    program, _, words = command.partition(" ")
    # As long as a name of a process is for the kernel.
    name = program.rpartition("/")[2][:15]
    words = f"{words} " if words else ""
    return SYSVINIT.format(command=command, program=program, name=name, words=words)
