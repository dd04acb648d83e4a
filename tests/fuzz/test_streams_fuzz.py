"""Everything that is fed bytes and remembers: any bytes, however cut, give what its docstring says,
or the error that it names.

The decoders of whole values are in test_decoders_fuzz.py; both share what drives them.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pytest
from support.coverage_fuzz import REGRESSIONS, fuzz
from support.hostile import HostileAgent, HostileConsole
from support.pair import AGENT_KEY, CONSOLE_KEY, End, make_agent, make_console, random_bytes
from support.tools import ROOT

from guardpost.agent.echo import EchoFilter
from guardpost.agent.editor import LineEditor
from guardpost.agent.keyboard import Typed
from guardpost.cli.keypresses import Keypresses
from guardpost.console.escape import EscapeKey
from guardpost.console.frame_filter import FrameFilter
from guardpost.console.picture import Picture
from guardpost.console.screen_state import ScreenState
from guardpost.errors import RemoteProtocolError
from guardpost.protocol import messages
from guardpost.protocol.compression import Inflater
from guardpost.protocol.console_connection import ConsoleConnection
from guardpost.protocol.framer import Framer
from guardpost.protocol.framing import Decoder, Encoder, Profile
from guardpost.protocol.handshake import Handshake
from guardpost.protocol.hello import Hello, HelloScanner
from guardpost.protocol.initiator import Initiator
from guardpost.protocol.observer import Observer
from guardpost.protocol.responder import Responder
from guardpost.protocol.survey import Survey
from guardpost.services.files.delta import SignatureMaker
from guardpost.services.socks import SocksError, SocksServer
from guardpost.termsafe import SafeStream, TerminalStream
from guardpost.transports.amt.redirection import Redirection
from guardpost.transports.console_programs import Greeting
from guardpost.transports.telnet.comport import ComPort
from guardpost.transports.telnet.negotiation import TelnetEnd

ROUNDS = 1000
MANY_ROUNDS = 30_000
PREFIX = "fed_"

# What takes a handshake, or arithmetic in Python on every byte, gets a fraction of them.
COSTLY = {"agent_inside": 4, "console_inside": 4, "survey": 2, "signature": 20}


class Fed(NamedTuple):
    """`feed` makes a new one for each input; `at` is its place in the package."""

    at: str
    feed: Callable[[bytes], object]
    seeds: Sequence[bytes] = ()
    raises: tuple[type[Exception], ...] = ()


def cut(data: bytes) -> Iterator[bytes]:
    """The first byte says how long the pieces are."""
    size = data[0] % 24 + 1 if data else 1
    for at in range(1, len(data), size):
        yield data[at : at + size]


def each(make: Callable[[], Callable[[bytes], object]]) -> Callable[[bytes], None]:
    """A new one, fed in pieces."""

    def run(data: bytes) -> None:
        feed = make()
        for piece in cut(data):
            feed(piece)

    return run


def timed(feed: Callable[[bytes, float], object]) -> Callable[[bytes], object]:
    """Half a second between two pieces, now and then."""
    clock = [100.0]

    def run(piece: bytes) -> object:
        clock[0] += 0.5 if piece[:1] < b"\x20" else 0.001
        return feed(piece, clock[0])

    return run


def _inflater() -> Callable[[bytes], object]:
    inflater = Inflater()

    def run(piece: bytes) -> None:
        assert len(inflater.feed(piece, 3000)) <= 3000

    return run


def _framer() -> Callable[[bytes], object]:
    framer = Framer((Profile.CLEAN, Profile.CONSOLE), (5, 7), console=True)
    framer.begin_switch((Profile.PRINTABLE, Profile.CLEAN), 1.0)
    return framer.feed


def _decoder(data: bytes) -> None:
    profile = Profile(data[0] % 4) if data else Profile.CLEAN
    for decoder in (Decoder(profile, (5, 7)), Decoder(Profile.PRINTABLE, (5,))):
        for piece in cut(data):
            for which, body in decoder.feed(piece):
                assert which < 2
                assert isinstance(body, bytes)


def _runs() -> Callable[[bytes], object]:
    decoder = Decoder(Profile.CLEAN, (5,))
    return lambda piece: decoder.feed_runs(piece, 3, 1)


def _handshake(data: bytes) -> None:
    """As message 2, then as message 1."""
    for initiator in (True, False):
        one = Handshake(
            initiator=initiator,
            prologue=b"p",
            static_private=CONSOLE_KEY,
            random_bytes=random_bytes(5),
        )
        if initiator:
            one.write_message()
        try:
            one.read_message(data)
        except RemoteProtocolError:
            pass


def _responder() -> Callable[[bytes], object]:
    hello = Hello(False, 4711, 0, 0)
    responder = Responder(
        hello.encode(),
        hello,
        static_private=AGENT_KEY,
        message_2_payload=b"\x80",
        random_bytes=random_bytes(2),
        psk=None,
        now=100.0,
    )
    return timed(responder.receive)


def _initiator() -> Callable[[bytes], object]:
    initiator = Initiator(
        static_private=CONSOLE_KEY,
        message_3_payload=b"\x80",
        profiles=(Profile.CLEAN,),
        random_bytes=random_bytes(3),
        psk=None,
        consent=False,
        now=99.0,
        not_before=99.0,
    )
    initiator.handle_timeout(100.0)
    answer = Hello(True, 9, 0, 0).encode(answers=initiator.hello)
    assert initiator.agent_hello(answer, 100.1)
    return timed(initiator.receive)


def _survey() -> Callable[[bytes], object]:
    survey = Survey(frozenset(range(256)), random_bytes(1), 100.0)
    survey.handle_timeout(200.0)
    survey.agent_hello(Hello(True, 9, 0, 0).encode(answers=survey.hello), 200.1)
    return timed(survey.receive)


def _observer() -> Callable[[bytes], object]:
    observer = Observer(lambda: ())
    return timed(lambda piece, now: observer.receive_data(piece, piece[-1:] > b"\x7f", now))


def _connection(end: End) -> Callable[[bytes], object]:
    connection = end.connection
    if isinstance(connection, ConsoleConnection):
        connection.begin(100.0, (Profile.CLEAN,))

    def run(piece: bytes, now: float) -> None:
        end.receive(piece, now)
        connection.handle_timeout(now)
        end.take_events(now)
        connection.data_to_send(now)

    return timed(run)


def _sealed(make: Callable[[], HostileConsole | HostileAgent]) -> Callable[[bytes], None]:
    """A peer with a good key; each piece of the input is all that one packet says."""

    def run(data: bytes) -> None:
        peer = make()
        peer.enter()
        for piece in cut(data):
            peer.raw(peer.packet(piece))
        peer.wait(2.0)

    return run


def _comport() -> Callable[[bytes], object]:
    telnet = TelnetEnd(frozenset({44}), frozenset())
    return ComPort(telnet, baud=9600, parity="even", rtscts=True).receive


def _redirection() -> Callable[[bytes], object]:
    session = Redirection(b"admin", b"pw", random_bytes=bytes, now=0.0)

    def run(piece: bytes, now: float) -> None:
        session.receive_data(piece, now)
        while session.next_event() is not None:
            pass
        session.data_to_send()

    return timed(run)


def _socks(data: bytes) -> None:
    server = SocksServer()
    for piece in cut(data):
        if server.destination is None:
            server.feed(piece)


def _frame(profile: Profile) -> bytes:
    return b"\x17" + Encoder(profile, 5).encode(b"\x01" * 40)


_TYPED = [b"\x03ab\x1b[A\x1b[3~\x7f\x15\r\n", b"\x02\xc3\xa9\x1b[<0;1;2M\x1bOP\x1d.\x1d\x1d"]
_SCREEN = [b"\x05\x1b[?1049h\x1b]0;t\x07\x1b[2J\xe2\x82\xacx\x1bP1\x1b\\", b"\x07a\r\nb\x08\tc\x1b"]
_FRAMES = [_frame(Profile.CLEAN), _frame(Profile.CONSOLE), _frame(Profile.PRINTABLE)]
_HELLO = b"\x04" + Hello(False, 1, 0, 0).encode()
_OPENING = messages.Open(0, "test", 3).encode() + messages.Data(0, 0, b"abc").encode(last=False)
_PLAIN = [
    b"\x17" + _OPENING,
    b"\x17" + messages.Ack(((0, 1),), 7, 3).encode() + messages.Ping().encode(),
    b"\x17" + messages.Credit(0, 70000).encode() + messages.Reset(0, 1, 0, "x").encode(),
    b"\x17" + messages.Open(0, "test", 0, compressed=True).encode(),
]

STREAMS: dict[str, Fed] = {
    "echo": Fed("agent/echo.EchoFilter.feed", each(lambda: timed(EchoFilter().feed)), _TYPED),
    "editor": Fed("agent/editor.LineEditor.feed", each(lambda: LineEditor().feed), _TYPED),
    "typed": Fed("agent/keyboard.Typed.feed", each(lambda: Typed().feed), _TYPED),
    "keypresses": Fed("cli/keypresses.Keypresses.feed", each(lambda: Keypresses().feed), _TYPED),
    "escape": Fed("console/escape.EscapeKey.feed", each(lambda: EscapeKey().feed), _TYPED),
    "frame_filter": Fed(
        "console/frame_filter.FrameFilter.feed",
        each(lambda: timed(FrameFilter().feed)),
        [*_FRAMES, _HELLO],
    ),
    "picture": Fed(
        "console/picture.Picture.feed",
        each(lambda: timed(Picture(times=True, wall=lambda: 0.0).feed)),
        [*_SCREEN, *_FRAMES],
    ),
    "screen": Fed(
        "console/screen_state.ScreenState.feed", each(lambda: ScreenState().feed), _SCREEN
    ),
    "safe": Fed("termsafe.SafeStream.feed", each(lambda: SafeStream().feed), _SCREEN),
    "terminal": Fed("termsafe.TerminalStream.feed", each(lambda: TerminalStream().feed), _SCREEN),
    "inflater": Fed(
        "protocol/compression.Inflater.feed",
        each(_inflater),
        [b"\x03\x08abcd", b"\x03\x15\xff\xff\xff"],
        (RemoteProtocolError,),
    ),
    "framer": Fed("protocol/framer.Framer.feed", each(_framer), _FRAMES),
    "decoder": Fed("protocol/framing.Decoder.feed", _decoder, _FRAMES),
    "runs": Fed("protocol/framing.Decoder.feed_runs", each(_runs), _FRAMES),
    "handshake": Fed(
        "protocol/handshake.Handshake.read_message",
        _handshake,
        [bytes(32), b"\x09" * 96, b"\x07" * 100],
    ),
    "scanner": Fed("protocol/hello.HelloScanner.feed", each(lambda: HelloScanner().feed), [_HELLO]),
    "initiator": Fed(
        "protocol/initiator.Initiator.receive", each(_initiator), [b"\x17\x02" + b"\x09" * 97]
    ),
    "responder": Fed(
        "protocol/responder.Responder.receive", each(_responder), [b"\x17\x01" + b"\x09" * 32]
    ),
    "survey": Fed("protocol/survey.Survey.receive", each(_survey), _FRAMES),
    "observer": Fed("protocol/observer.Observer.receive_data", each(_observer), [*_FRAMES, _HELLO]),
    "agent": Fed(
        "protocol/connection.Connection.receive_data",
        each(lambda: _connection(End(make_agent(), "b"))),
        [*_FRAMES, _HELLO],
    ),
    "console": Fed(
        "protocol/connection.Connection.receive_data",
        each(lambda: _connection(End(make_console()))),
        [*_FRAMES, _HELLO],
    ),
    "agent_inside": Fed(
        "protocol/association.Association.receive", _sealed(HostileConsole), _PLAIN
    ),
    "console_inside": Fed(
        "protocol/association.Association.receive", _sealed(HostileAgent), _PLAIN
    ),
    "signature": Fed(
        "services/files/delta.SignatureMaker.feed",
        each(lambda: SignatureMaker(3000).feed),
        [bytes(600)],
    ),
    "socks": Fed(
        "services/socks.SocksServer.feed",
        _socks,
        [b"\x02\x05\x01\0\x05\x01\0\x03\x01a\0\x50", b"\x02\x04\x01\0\x50\0\0\0\x01u\0h\0"],
        (SocksError,),
    ),
    "redirection": Fed(
        "transports/amt/redirection.Redirection.receive_data",
        each(_redirection),
        [b"\x17\x11\0\0\0\x01\0\x0c\0\x57\x01\0\0\0\x14\0\0\0\0\x01\0\0\0\x04"],
    ),
    "greeting": Fed(
        "transports/console_programs.Greeting.feed",
        each(lambda: Greeting(["ipmitool", "sol", "activate"]).feed),
        [b"\x17[SOL Session operational.  Use ~? for help]\r\nx"],
    ),
    "comport": Fed(
        "transports/telnet/comport.ComPort.receive", each(_comport), [b"\x04\x65\0\0\x25\x80"]
    ),
}

# Fed in test_decoders_fuzz.py already.
ELSEWHERE = {
    "services/files/delta.DeltaMaker.feed",
    "transports/amt/messages.Parser.feed",
    "transports/ipmi/sol.SolEnd.receive_payload",
    "transports/telnet/negotiation.TelnetEnd.receive_data",
}


def survives(name: str) -> Callable[[bytes], None]:
    stream = STREAMS[name]

    def run(data: bytes) -> None:
        try:
            stream.feed(data)
        except stream.raises:
            pass

    return run


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_survives_anything(name: str) -> None:
    rounds = ROUNDS // COSTLY.get(name, 1)
    assert fuzz(PREFIX + name, survives(name), STREAMS[name].seeds, rounds) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_survives_much_more(name: str) -> None:
    rounds = MANY_ROUNDS // COSTLY.get(name, 1)
    fuzz(PREFIX + name, survives(name), STREAMS[name].seeds, rounds, seed=2)


def streams_in_the_package() -> set[str]:
    """Methods called feed..., receive... or read_message whose first argument is bytes."""
    found = set()
    for path in sorted((ROOT / "guardpost").rglob("*.py")):
        place = path.relative_to(ROOT / "guardpost").with_suffix("").as_posix()
        for holder in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(holder, ast.ClassDef):
                found |= {
                    f"{place}.{holder.name}.{node.name}"
                    for node in holder.body
                    if isinstance(node, ast.FunctionDef) and _is_fed(node)
                }
    return found


def _is_fed(node: ast.FunctionDef) -> bool:
    taken = node.args.args[1:2]
    if not re.fullmatch(r"(feed|receive)(_\w+)?|read_message", node.name) or not taken:
        return False
    return taken[0].annotation is not None and ast.unparse(taken[0].annotation) == "bytes"


def test_no_stream_is_left_out() -> None:
    assert streams_in_the_package() == {stream.at for stream in STREAMS.values()} | ELSEWHERE


def test_what_broke_a_stream_once_belongs_to_one() -> None:
    kept = {path.name for path in REGRESSIONS.glob(f"{PREFIX}*")}
    assert kept <= {PREFIX + name for name in STREAMS}
