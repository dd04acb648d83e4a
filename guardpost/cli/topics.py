"""`guardpost help TOPIC`: what holds for all commands."""

__all__ = ["TOPICS"]

TARGETS = """\
A TARGET is a name from hosts.toml, or an address:
  /dev/ttyUSB0  COM3  serial:/dev/ttyUSB0   a serial port (a cable, an adapter, a pty)
  tcp:HOST:PORT                             a console server's or an emulator's raw port
  unix:/PATH                                a socket, as hypervisors offer it
  amt:[USER@]HOST  amts:[USER@]HOST         Intel AMT's Serial-over-LAN, plain or in TLS
  ipmi:[USER@]HOST                          a BMC's Serial over LAN
  rfc2217:HOST:PORT  telnet:HOST[:PORT]     a console server's port, set up from here or not
  exec:COMMAND LINE                         a program whose input and output are the line
IPv6 addresses stand in brackets. Options follow `?`: /dev/ttyS1?baud=57600&profile=console
amts: trusts ?fingerprint=SHA256 or ?ca=FILE, otherwise the system's authorities. ipmi: has
?cipher=3 or 17 (17, then 3) and ?take-over=1 (also when another console has the line). Passwords
come from GUARDPOST_PASSWORD, from password_command below, or are asked for; never from the target.

hosts.toml is ~/.config/guardpost/hosts.toml, then /etc/guardpost/hosts.toml:
  [web01]
  line = "/dev/ttyUSB0?baud=115200"
  agent_key = "KEY"          the only agent key to accept
  identity = "FILE"          the private key to use
  forwards = ["8080:127.0.0.1:80"]
  profile = "console"        the bytes that pass: clean, xonxoff, console, printable
  password_command = "CMD"   prints the password of an amt: or ipmi: line; no shell"""

EXIT_CODES = """\
  N     the remote command's own status (128+N: ended by signal N)
  1     partly done (kill); denied (policy check); a defect (agent)
  124   timeout
  130   Ctrl-C, SIGTERM, the end of the terminal
  141   whoever read our output has gone
  255   our own errors, wrong usage too

With --exit-codes=detailed (not for exec, shell, nc and jobs attach) some errors have their own:
  3 no such target   4 busy   5 not allowed   6 line lost   7 agent silent

Every error is one line on standard error. Its second word is fixed, and scripts may match it:
  guardpost: line-busy: /dev/ttyS1 is held by getty (pid 812); stop it first

  the command line and files   usage key-file missing-package no-such-file permission system
  the line                     no-such-target line-busy line-lost line-failed agent-silent
                               agent-restarted agent-stopped
  who may do what              not-allowed not-authenticated unknown-agent agent-key-changed
  a command, a tunnel          not-found refused unreachable timeout name-not-found limit failed
                               peer-reset cancelled superseded unsupported bad-request protocol
  ports, processes             cannot-listen no-such-process signal-denied signal-refused
                               nice-denied nice-refused unknown-signal
  our own defects              internal local-protocol remote-protocol"""

OPTIONS = """\
Options stand before the command or anywhere before CMD. CMD is the first word after TARGET that is
no option (one `--` is removed), and nothing after it is looked at:
  guardpost -v exec --timeout 5 /dev/ttyUSB0 ls -l
  guardpost exec /dev/ttyUSB0 -- -odd-name"""

TERMINAL = """\
guardpost terminal TARGET shows the bare line; Ctrl-] (or --escape KEY) and then
  .  q   quit                      b   send a BREAK
  k      knock at the prompt       s   what is known of the line
  t      time stamps               r   every byte as it comes, frames too
  c      set the screen right      ?   this list

It waits for a line that goes away. Frames of a session on the line are hidden, and what is typed
goes out between them; the prompt answers once no frame has come for 2 s.
--log FILE keeps the text with times. guardpost trace TARGET shows the frames instead, decoded.

guardpost shell TARGET and exec --tty have the same key (--escape none: none), and then
  .  q   disconnect                s   how the line does
  d      leave it running (--keep) ?   this list
The key twice is the key itself: twice for a shell within a shell."""

TOPICS = {
    "terminal-keys": TERMINAL,
    "targets": TARGETS,
    "exit-codes": EXIT_CODES,
    "options": OPTIONS,
}
