"""The host reboots in mid-session: not one byte of ours may reach its boot loader."""

import pytest
from support.line import SimulatedLine
from support.pair import Pair, make_agent
from support.stories import agents_half, open_channel, payload, progress, received, state

from guardpost.errors import GoAwayCode
from guardpost.protocol import events
from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import MARK

BOOT_TEXT = (
    b"\r\n[ 4711.001] reboot: Restarting system\r\n",
    b"BIOS Date: 04/01/2014 Ver 1.16\r\n",
    b"Booting from Hard Disk...\r\n",
    b"\r\n\x1b[H\x1b[JGNU GRUB  version 2.06\r\n",
    b"U-Boot 2023.01\r\nHit any key to stop autoboot:  3 ",
    b"\b\b\b 2 ",
    b"\b\b\b 1 ",
    b"[    0.000000] Linux version 6.1.0\r\n[    0.000000] Command line: console=ttyS0\r\n",
)


def reboot(pair: Pair, *, first_text_after: float = 0.05) -> list[tuple[float, bytes]]:
    """The agent vanishes, the host boots for a minute; returns what its boot loader was told."""
    pair.agent.is_up = False
    pair.run(first_text_after)
    pair.line.ba.insert(BOOT_TEXT[0], pair.now)
    pair.run(2.0)  # the machine resets: what arrives before its firmware listens is lost
    typed: list[tuple[float, bytes]] = []
    pair.tap = lambda side, data, now: typed.append((now, data)) if side == "b" else None
    for text in BOOT_TEXT[1:]:
        pair.line.ba.insert(text, pair.now)
        pair.run(6.0)
    pair.tap = None
    return typed


@pytest.mark.parametrize("first_text_after", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("busy", ["idle", "console sends", "agent sends"])
def test_no_byte_reaches_the_boot_loader(busy: str, first_text_after: float) -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    channel = open_channel(pair)
    if busy == "console sends":
        pair.console.feed(channel, payload(200000))
    elif busy == "agent sends":
        pair.agent.feed(agents_half(pair, channel), payload(200000))
    pair.run(3)
    assert reboot(pair, first_text_after=first_text_after) == [], progress(pair)


def test_a_typist_who_goes_on_typing_does_not_stop_the_boot() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    channel = open_channel(pair, interactive=True)
    pair.run(1)
    pair.agent.is_up = False
    pair.console.connection.write_channel(channel, b"x", pair.now)
    pair.run(0.05)
    pair.line.ba.insert(BOOT_TEXT[0], pair.now)
    pair.run(2.0)
    typed = []
    pair.tap = lambda side, data, now: typed.append((now, data)) if side == "b" else None
    for text in BOOT_TEXT[1:]:
        pair.line.ba.insert(text, pair.now)
        pair.console.connection.write_channel(channel, b"y", pair.now)
        pair.run(3.0)
    assert typed == []


def test_a_boot_prompt_gets_nothing_though_an_idle_session_did_not_notice_the_reboot() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    channel = open_channel(pair, interactive=True)
    pair.run(60)
    pair.agent.is_up = False
    pair.run(5)
    typed = []
    pair.tap = lambda side, data, now: typed.append((now, data)) if side == "b" else None
    pair.line.ba.insert(b"U-Boot 2023.01\r\nHit any key to stop autoboot:  3 ", pair.now)
    pair.run(0.6)
    pair.console.connection.write_channel(channel, b"y", pair.now)
    pair.run(80)  # it stands there: somebody stopped it
    assert typed == []
    pair.line.ba.insert(b"\r\nStarting kernel ...\r\n", pair.now)
    pair.run(9)
    assert typed == []
    pair.run(45)
    assert typed  # is anybody there again?


def test_what_only_looks_like_a_boot_loader_costs_a_minute_and_a_half_not_the_session() -> None:
    """The agent knows of no channel and asks nothing: the console has to."""
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    pair.run(5)
    pair.line.ba.insert(b"Hit any key to stop autoboot:  3 ", pair.now)
    pair.run(1)
    assert state(pair, "console") == "suspended"
    channel = pair.open()
    pair.run(80)
    assert channel not in pair.console.accepted
    assert pair.run(50, until=lambda: channel in pair.console.accepted)


def test_a_text_about_boot_loaders_holds_a_living_session_for_seconds_only() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    pair.agent.echoes = True
    channel = open_channel(pair, interactive=True)
    pair.run(2)
    pair.line.ba.insert(b"Broadcast message: the vault asks you to press any key ", pair.now)
    pair.run(0.6)
    pair.console.connection.write_channel(channel, b"y", pair.now)
    assert pair.run(10, until=lambda: received(pair.console, channel)[-1:] == b"y"), progress(pair)


def test_a_new_agent_gets_a_new_session_after_the_boot() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    channel = open_channel(pair)
    pair.console.feed(channel, payload(200000))
    pair.run(3)
    assert reboot(pair) == []
    pair.replace_agent(make_agent(seed=77))
    # The console finds out by itself, asks a person, and a new session stands on demand.
    assert pair.run(60, until=lambda: bool(pair.console.of(events.SessionEnded))), progress(pair)
    (ended,) = pair.console.of(events.SessionEnded)
    assert ended.code is None
    pair.run(1)
    established = len(pair.console.of(events.SessionEstablished))
    pair.begin()
    assert pair.run(10, until=lambda: len(pair.console.of(events.SessionEstablished)) > established)
    again = open_channel(pair)
    pair.console.feed(again, b"after the reboot")
    assert pair.run(5, until=lambda: received(pair.agent, again) == b"after the reboot")


def test_a_person_need_not_wait_for_the_verdict() -> None:
    """close() and begin() at once: the old session is forgotten, a new one stands."""
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    open_channel(pair)
    pair.run(3)
    reboot(pair)
    pair.replace_agent(make_agent(seed=77))
    pair.console.connection.close(GoAwayCode.DONE, "", pair.now)
    established = len(pair.console.of(events.SessionEstablished))
    pair.begin()
    assert pair.run(10, until=lambda: len(pair.console.of(events.SessionEstablished)) > established)


@pytest.mark.parametrize(
    "shown",
    [
        b"Hit any key to stop autoboot:  3 ",
        b"GNU GRUB  version 2.06\r\n  *Debian GNU/Linux\r\n",
        b"login: root\r\nPassword: ",
        b"=> ",
    ],
)
def test_no_hello_goes_onto_a_boot_loader_or_a_password_prompt(shown: bytes) -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.begin()
    pair.line.ba.insert(shown, pair.now)
    typed = []
    pair.tap = lambda side, data, now: typed.append((now, data)) if side == "b" else None
    pair.run(30)
    assert typed == []
    (failed,) = pair.console.of(events.HandshakeFailed)
    assert "nothing was sent" in failed.reason


def test_a_person_may_overrule_the_caution() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.console_connection.begin(pair.now, (Profile.CLEAN,), consent=True)
    pair.line.ba.insert(b"Password: ", pair.now)
    pair.run(5)
    assert pair.console.of(events.SessionEstablished)


def test_after_a_break_there_is_no_hello_for_six_seconds() -> None:
    """SysRq takes the next byte as its command."""
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.console_connection.break_sent(pair.now)
    typed = []
    pair.tap = lambda side, data, now: typed.append(now) if side == "b" else None
    start = pair.now
    pair.begin()
    pair.run(10)
    assert typed[0] >= start + 6


def test_a_break_holds_the_hello_of_an_attempt_that_is_on() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.agent.is_up = False
    pair.begin()
    pair.run(0.5)
    pair.console_connection.break_sent(pair.now)
    broke, typed = pair.now, []
    pair.tap = lambda side, data, now: typed.append(now) if side == "b" else None
    pair.run(10)
    assert typed
    assert typed[0] >= broke + 6


def test_a_break_holds_the_hello_that_asks_whether_the_session_is_known() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    pair.run(3)
    pair.agent.is_up = False
    pair.open(b"request")
    hellos: list[float] = []
    pair.tap = lambda side, data, now: hellos.append(now) if MARK in data else None
    while not pair.console.of(events.SessionSuspended):
        pair.console_connection.break_sent(pair.now)
        broke = pair.now
        pair.run(0.5)
    pair.run(20)
    assert hellos
    assert hellos[0] >= broke + 6
