import pytest

from guardpost.console.diagnosis import Silence, farewell, recognised
from guardpost.errors import GoAwayCode, GuardpostError, LineBusy, LineLost, NotAllowed
from guardpost.errors import RemoteProtocolError as Broken
from guardpost.protocol import events


@pytest.mark.parametrize(
    ("text", "face"),
    [
        (b"\r\nweb01 login: ", "a login prompt"),
        (b"root@web01:~# ", "a shell"),
        (b"[    1.234567] usb 1-1: new device\r\n", "kernel messages"),
        (b"grub> ", "a boot loader"),
    ],
)
def test_faces_are_recognised(text: bytes, face: str) -> None:
    assert face in (recognised(text) or "")
    assert recognised(b"just words\r\n") is None


@pytest.mark.parametrize(
    ("what", "hint"),
    [
        ("echo", "our own hello"),
        ("other-console", "another console"),
        ("other-agent", "an agent"),
        ("agent", "psk"),
    ],
)
def test_a_strange_hello_outranks_text(what: str, hint: str) -> None:
    silence = Silence()
    silence.text(b"web01 login: ")
    silence.heard(what)
    assert hint in silence.seen()


def test_bytes_that_nobody_could_read_mean_the_wrong_speed() -> None:
    silence = Silence()
    silence.text(bytes(range(128, 180)))
    assert "?baud=" in silence.seen()
    words = Silence()
    words.text(b"something says something\r\n")
    assert "there was text but no agent" in words.seen()


def test_a_handshake_that_fails_after_the_hello_is_another_story() -> None:
    failed = events.HandshakeFailed(True, "the agent answered our hello and then fell silent")
    assert "?profile=printable" in str(Silence().explain("x", failed))
    other = events.HandshakeFailed(True, "the agent speaks version 2 of the protocol, we speak 1")
    assert "the agent's version" in str(Silence().explain("x", other))
    waiting = events.HandshakeFailed(False, "the line shows a boot menu; nothing was sent")
    assert "guardpost terminal" in str(Silence().explain("x", waiting))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (GoAwayCode.NOT_ALLOWED, NotAllowed),
        (GoAwayCode.BUSY, LineBusy),
        (GoAwayCode.SUPERSEDED, LineLost),
        (GoAwayCode.SHUTTING_DOWN, LineLost),
        (GoAwayCode.PROTOCOL, Broken),
        (GoAwayCode.DONE, LineLost),
        (None, LineLost),
    ],
)
def test_each_end_has_its_error(code: GoAwayCode | None, kind: type[GuardpostError]) -> None:
    error = farewell("/dev/ttyS0", events.SessionEnded(code, "because", True), "KEY")
    assert type(error) is kind
    assert "/dev/ttyS0" in str(error)
    assert "\n" not in str(error)
