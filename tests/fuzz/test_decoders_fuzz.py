"""Every decoder of bytes: any input gives what its docstring says, or the error that it names.

Guided by coverage; what broke one once is in regressions/, and runs first.
"""

import ast
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import pytest
from support.coverage_fuzz import REGRESSIONS, fuzz
from support.hostile import HostileConsole
from support.tools import ROOT

from guardpost.agent.authorized import parse_line
from guardpost.agent.permits import Permits
from guardpost.console import capture, owner_protocol
from guardpost.errors import NoSuchTarget, RemoteProtocolError, UsageError
from guardpost.host import proc_connector, process_table
from guardpost.ports.smbios import parse_smbios
from guardpost.ports.spcr import parse_spcr
from guardpost.protocol import messages
from guardpost.protocol.hello import Hello
from guardpost.protocol.path import SweepReader
from guardpost.services import SERVICES, program, top
from guardpost.services.files import messages as files
from guardpost.services.files.delta import DeltaMaker
from guardpost.services.forwarding import parse_forward
from guardpost.services.introductions import operator_name
from guardpost.services.records import decode_value
from guardpost.services.socks import SocksError, SocksServer
from guardpost.transports.amt.messages import Parser
from guardpost.transports.ipmi.sol import SolEnd
from guardpost.transports.target import parse_target
from guardpost.transports.telnet.negotiation import TelnetEnd

ROUNDS = 2000
MANY_ROUNDS = 50_000


class Decoder(NamedTuple):
    decode: Callable[[bytes], object]
    raises: tuple[type[Exception], ...]
    seeds: Sequence[bytes]


def _amt(data: bytes) -> None:
    parser = Parser()
    parser.feed(data)
    while parser.next_message() is not None:
        pass


def _socks(data: bytes) -> None:
    server = SocksServer()
    for at in range(0, len(data), 3):
        if server.destination is None:
            server.feed(data[at : at + 3])


def _telnet(data: bytes) -> None:
    end = TelnetEnd(frozenset({0, 3, 44}), frozenset({0, 1, 3}))
    for at in range(0, len(data), 5):
        end.receive_data(data[at : at + 5])


def _sol(data: bytes) -> None:
    end = SolEnd(200)
    for at in range(0, len(data), 11):
        end.receive_payload(data[at : at + 11], float(at))


def _delta(data: bytes) -> None:
    maker = DeltaMaker(data)
    maker.feed(bytes(5000))
    maker.flush()


def _sweep(data: bytes) -> None:
    reader = SweepReader()
    for at in range(0, len(data), 40):
        reader.frame(data[at : at + 34])
        reader.residue(data[at + 34 : at + 40])


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("latin-1"))


def _value(shape: Any) -> Callable[[bytes], object]:
    return lambda data: decode_value(data, shape)


def _pack(*values: object) -> list[bytes]:
    return [msgspec.msgpack.encode(value) for value in values]


_MESSAGES = [
    messages.Open(0, "exec", 3).encode() + messages.Data(0, 0, b"abc").encode(last=False),
    messages.Ack(((0, 5),), 77, 3).encode() + messages.Ping().encode(),
    messages.Welcome(b"\x80").encode() + messages.GoAway(1, "no").encode(),
    messages.Credit(2, 70000).encode() + messages.Reset(2, 1, 0, "x").encode(),
]

_REQUESTS = _pack({}, {"argv": [b"x"], "host": "a", "port": 80, "path": b"/x", "job": 1})

DECODERS: dict[str, Decoder] = {
    "decode_messages": Decoder(messages.decode_messages, (RemoteProtocolError,), _MESSAGES),
    "hello": Decoder(Hello.decode, (), [HostileConsole().hello]),
    "path_sweep": Decoder(_sweep, (RemoteProtocolError,), [bytes(range(256))]),
    "program_to_agent": Decoder(
        _value(program.to_agent), (RemoteProtocolError,), _pack([0, b"x"], [1], [2, 9])
    ),
    "program_to_console": Decoder(
        _value(program.to_console), (RemoteProtocolError,), _pack([0, b"x"], [2, 0, None, False])
    ),
    "files_from_sender": Decoder(
        _value(files.from_sender), (RemoteProtocolError,), _pack([4, b"x"], [5, 0, 9], [2], [8])
    ),
    "files_from_receiver": Decoder(
        _value(files.from_receiver), (RemoteProtocolError,), _pack([1, 0, "", ""], [2, b"", True])
    ),
    "top_refresh": Decoder(
        _value(top.Refresh), (RemoteProtocolError,), _pack([False, 0, [1], [], [], []])
    ),
    "delta_signature": Decoder(_delta, (RemoteProtocolError,), [b"\0\x10\0\0" + bytes(16)]),
    "operator_name": Decoder(operator_name, (), _pack({"name": "ann"})),
    "owner_json": Decoder(owner_protocol.decode, (), [b'{"a": [1, "x"]}']),
    "unpack_open": Decoder(
        owner_protocol.unpack_open,
        (ValueError,),
        [owner_protocol.pack_open(1, 2, "exec", b"\x80", interactive=True, compress=False)],
    ),
    "unpack_unit": Decoder(owner_protocol.unpack_unit, (ValueError,), [bytes(12)]),
    "unpack_reset": Decoder(
        owner_protocol.unpack_reset, (ValueError,), [owner_protocol.pack_reset(1, 2, "x")]
    ),
    "decode_unit": Decoder(capture.decode_unit, (ValueError,), [bytes(40)]),
    "parse_spcr": Decoder(parse_spcr, (), [b"SPCR" + bytes(84)]),
    "parse_smbios": Decoder(parse_smbios, (), [bytes((38, 18, 0, 0)) + bytes(14) + b"\0\0"]),
    "kernel_event": Decoder(proc_connector.parse_message, (), [bytes(76)]),
    "proc_stat": Decoder(process_table.parse_stat, (ValueError,), [b"1 (a b) S 0 " + b"1 " * 50]),
    "amt": Decoder(_amt, (RemoteProtocolError,), [b"\x14\0\0\0\0\x01\0\0\0\x04", b"\x2a\0\0\0"]),
    "socks": Decoder(_socks, (SocksError,), [b"\x05\x01\0\x05\x01\0\x03\x01a\0\x50"]),
    "telnet": Decoder(_telnet, (), [b"\xff\xfd\x2c\xff\xfa\x2c\x6a\x01\xff\xf0a\xff\xff"]),
    "sol": Decoder(_sol, (), [b"\x01\0\0\0abc", b"\0\x01\x02\x40"]),
    "authorized_line": Decoder(
        _text(lambda text: parse_line(text, "x:1")),
        (UsageError,),
        [b'permit="exec=/bin/id,forward=[::1]:80" ' + b"A" * 43 + b"= ann"],
    ),
    "permits": Decoder(_text(Permits.parse), (UsageError,), [b"monitor,listen=*:*,exec=/bin/id"]),
    "target": Decoder(
        _text(parse_target), (UsageError, NoSuchTarget), [b"ipmi:u@[::1]:623?cipher=3", b"exec:a b"]
    ),
    "forward": Decoder(_text(parse_forward), (UsageError,), [b"[::1]:80:web:80", b"/a:/b"]),
    **{
        f"request_{name}": Decoder(make().action, (RemoteProtocolError,), _REQUESTS)
        for name, make in SERVICES.items()
    },
}

# What takes bytes and is called like a decoder, by its place; and where else it is fuzzed.
FUZZED_AS: dict[str, str] = {
    "services/records.decode_value": "program_to_agent",
    "services/files/messages.parse_put": "request_put",
    "services/files/messages.parse_get": "request_get",
    "protocol/hello.Hello.decode": "hello",
    "protocol/messages.decode_messages": "decode_messages",
    "host/proc_connector.parse_message": "kernel_event",
    "host/process_table.parse_stat": "proc_stat",
    "ports/spcr.parse_spcr": "parse_spcr",
    "ports/smbios.parse_smbios": "parse_smbios",
    "console/owner_protocol.decode": "owner_json",
    "console/owner_protocol.unpack_open": "unpack_open",
    "console/owner_protocol.unpack_unit": "unpack_unit",
    "console/owner_protocol.unpack_reset": "unpack_reset",
    "console/capture.decode_unit": "decode_unit",
}


def survives(name: str) -> Callable[[bytes], None]:
    decoder = DECODERS[name]

    def run(data: bytes) -> None:
        try:
            decoder.decode(data)
        except decoder.raises:
            pass

    return run


@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_survives_anything(name: str) -> None:
    assert fuzz(name, survives(name), DECODERS[name].seeds, ROUNDS) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_survives_much_more(name: str) -> None:
    fuzz(name, survives(name), DECODERS[name].seeds, MANY_ROUNDS, seed=2)


def decoders_in_the_package() -> set[str]:
    """Functions called decode..., parse... or unpack... that take bytes."""
    found = set()
    for path in sorted((ROOT / "guardpost").rglob("*.py")):
        place = path.relative_to(ROOT / "guardpost").with_suffix("").as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for holder in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]:
            prefix = f"{holder.name}." if isinstance(holder, ast.ClassDef) else ""
            for node in holder.body:
                if isinstance(node, ast.FunctionDef) and _takes_bytes(node):
                    found.add(f"{place}.{prefix}{node.name}")
    return found


def _takes_bytes(node: ast.FunctionDef) -> bool:
    annotations = [ast.unparse(each.annotation) for each in node.args.args if each.annotation]
    called = node.name.startswith(("decode", "parse", "unpack"))
    return called and any(each.startswith("bytes") for each in annotations)


def test_no_decoder_is_left_out() -> None:
    assert decoders_in_the_package() == set(FUZZED_AS)
    assert set(FUZZED_AS.values()) <= set(DECODERS)


def test_what_broke_a_decoder_once_belongs_to_one() -> None:
    kept = {path.name for path in REGRESSIONS.iterdir() if path.is_dir()}
    assert {name for name in kept if not name.startswith("fed_")} <= set(DECODERS)
