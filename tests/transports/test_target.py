"""How a person names a line, and what is said to a person who does it wrongly."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import GuardpostError, NoSuchTarget, UsageError
from guardpost.transports import LOGINS, SCHEMES
from guardpost.transports.target import Target, canonical, parse_target, split_host_port

GOOD = [
    ("/dev/ttyUSB0", "serial", "/dev/ttyUSB0"),
    ("./line", "serial", "./line"),
    ("/dev/serial/by-path/pci-0:14.0", "serial", "/dev/serial/by-path/pci-0:14.0"),
    ("COM3", "serial", "COM3"),
    ("\\\\.\\COM12", "serial", "\\\\.\\COM12"),
    ("serial:/dev/ttyS1", "serial", "/dev/ttyS1"),
    ("tcp:bmc-web01:7001", "tcp", "bmc-web01:7001"),
    ("tcp:[fe80::1%eth0]:7001", "tcp", "[fe80::1%eth0]:7001"),
    ("unix:/run/vm/serial.sock", "unix", "/run/vm/serial.sock"),
    ("exec:ssh -T 'my host' cat?", "exec", "ssh -T 'my host' cat?"),
    ("telnet:ts1", "telnet", "ts1:23"),
    ("rfc2217:ts1:4001", "rfc2217", "ts1:4001"),
    ("amt:[2001:db8::7]", "amt", "[2001:db8::7]:16994"),
    ("amts:ops@web01", "amts", "web01:16995"),
    ("ipmi:bmc:6230", "ipmi", "bmc:6230"),
    ("tcp-listen:9000", "tcp-listen", "127.0.0.1:9000"),
    ("tcp-listen::9000", "tcp-listen", "127.0.0.1:9000"),
    ("tcp-listen:*:9000", "tcp-listen", "*:9000"),
    ("tcp-listen:[::]:0", "tcp-listen", "[::]:0"),
    ("unix-listen:/run/agent.sock", "unix-listen", "/run/agent.sock"),
]  # fmt: skip


@pytest.mark.parametrize("text, scheme, address", GOOD)
def test_every_form_is_understood(text: str, scheme: str, address: str) -> None:
    target = parse_target(text)
    assert (target.scheme, target.address) == (scheme, address)
    assert parse_target(str(target)) == target


def test_options_follow_a_question_mark() -> None:
    target = parse_target("/dev/ttyUSB0?baud=57600&profile=console")
    assert target == Target("serial", "/dev/ttyUSB0", {"baud": "57600", "profile": "console"})
    assert parse_target("ipmi:admin@bmc?cipher=3").user == "admin"


@pytest.mark.parametrize(
    "text, words",
    [
        ("web01", "no target"),
        ("", "no target"),
        ("gopher:host:70", "no kind of line"),
        ("tcp:host", "names no port"),
        ("tcp::22", "HOST:PORT"),
        ("tcp:::1:22", "IPv6 in brackets"),
        ("tcp:host:0", "1 to 65535"),
        ("tcp:host:99999", "1 to 65535"),
        ("tcp-listen:host", "PORT"),
        ("unix:", "names no port"),
        ("exec:", "names no command"),
        ("/dev/tty\nS0", "control characters"),
        ("exec:sh -c 'oops", "no closing quotation"),
        ("/dev/ttyS0?baud", "NAME=VALUE"),
        ("/dev/ttyS0?baud=fast", "a speed"),
        ("/dev/ttyS0?baud=1152000000000", "a speed"),
        ("/dev/ttyS0?baud=9600&baud=9600", "twice"),
        ("/dev/ttyS0?cipher=3", "no option 'cipher'"),
        ("unix:/x?profile=dirty", "one of clean"),
        ("/dev/ttyS0?raise-baud=1", "a speed"),
        ("ipmi:bmc?raise-baud=921600", "never over SOL"),
        ("amts:web01?raise-baud=921600", "never over SOL"),
        ("rfc2217:host:1?raise-baud=921600", "never over SOL"),
        ("ipmi:admin:secret@bmc", "no password"),
        ("amt:admin:secret@web01", "no password"),
        ("amt:web01?auth=none", "digest or plain"),
        ("amt:web01?gather=0", "milliseconds"),
        ("amt:web01?ca=x.pem", "no option 'ca'"),
        ("amts:web01?fingerprint=4e:7f", "64 hex digits"),
    ],
)
def test_a_wrong_target_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises((UsageError, NoSuchTarget)) as refusal:
        parse_target(text)
    assert words in str(refusal.value)
    assert "secret" not in str(refusal.value)


@given(st.text(max_size=40) | st.from_regex(r"(tcp|amt|serial|exec):[\[\]:?&=@a1/ ']{0,20}"))
def test_any_text_is_a_target_or_a_one_line_error(text: str) -> None:
    outcome = what_comes_of(text)
    assert outcome == what_comes_of(text)
    assert len(outcome.splitlines()) == 1


def what_comes_of(text: str) -> str:
    try:
        return canonical(parse_target(text))
    except GuardpostError as error:
        return str(error)


def test_one_line_has_one_canonical_name(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    (tmp_path / "by-id").symlink_to(port)
    names = [f"{port}", f"serial:{tmp_path}/by-id", f"{tmp_path}/./ttyUSB0?baud=9600"]
    assert {canonical(parse_target(name)) for name in names} == {f"serial:{port}"}
    assert canonical(parse_target("com3")) == canonical(parse_target("\\\\.\\COM3"))
    assert canonical(parse_target("amt:admin@BMC")) == canonical(parse_target("amt:bmc:16994"))
    assert canonical(parse_target("exec:ssh  host")) == canonical(parse_target("exec:'ssh' host"))
    assert canonical(parse_target("tcp:h:1")) != canonical(parse_target("tcp:h:2"))


def test_host_and_port_come_apart() -> None:
    assert split_host_port("[::1]:23") == ("::1", 23)
    assert split_host_port("host:7001") == ("host", 7001)


def test_every_line_that_can_be_named_opens() -> None:
    assert {*SCHEMES, *LOGINS} == {scheme for _, scheme, _ in GOOD}
