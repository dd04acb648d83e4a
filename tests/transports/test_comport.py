"""The port of an RFC 2217 server: what is asked of it, and what it answers."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from support.memory_line import MemoryLine
from support.virtual_time import run_virtual

from guardpost.transports.telnet.comport import ComPort
from guardpost.transports.telnet.negotiation import COM_PORT, TelnetEnd
from guardpost.transports.telnet.stream import TelnetStream


class Server:
    """A far end that does what it is asked, unless `instead` says what it does."""

    def __init__(self, port: ComPort, telnet: TelnetEnd, **instead: bytes) -> None:
        self.port, self.telnet, self.instead = port, telnet, instead
        self.asked: list[bytes] = []
        self.end = TelnetEnd(frozenset(), frozenset({COM_PORT}))

    def serve(self) -> None:
        self.end.receive_data(self.telnet.data_to_send())
        self.take()

    def take(self) -> None:
        while self.end.subnegotiations:
            option, said = self.end.subnegotiations.popleft()
            assert option == COM_PORT
            self.asked.append(said)
            value = self.instead.get(f"command_{said[0]}", said[1:])
            self.port.receive(bytes((said[0] + 100,)) + value)


def a_port(baud: int | None = None, **options: object) -> tuple[ComPort, TelnetEnd]:
    telnet = TelnetEnd(frozenset({COM_PORT}), frozenset())
    return ComPort(telnet, baud=baud, **options), telnet  # type: ignore[arg-type]


def test_a_port_is_set_to_8n1_without_flow_control_and_old_output_is_dropped() -> None:
    port, telnet = a_port(57600)
    server = Server(port, telnet)
    port.begin()
    port.begin()
    assert not port.is_set_up
    server.serve()
    assert server.asked == [
        b"\x01\x00\x00\xe1\x00",  # SET-BAUDRATE 57600
        b"\x02\x08",  # SET-DATASIZE
        b"\x03\x01",  # SET-PARITY none
        b"\x04\x01",  # SET-STOPSIZE
        b"\x05\x01",  # SET-CONTROL, no flow control
        b"\x0c\x02",  # PURGE-DATA, the transmit buffer
    ]
    assert port.is_set_up
    assert port.refusal is None
    assert port.state.bits_per_second == 57600


def test_without_a_speed_the_port_keeps_its_own_and_tells_it() -> None:
    port, telnet = a_port()
    server = Server(port, telnet, command_1=(9600).to_bytes(4, "big"))
    port.begin()
    server.serve()
    assert server.asked[0] == b"\x01\0\0\0\0"
    assert port.refusal is None
    assert port.state.bits_per_second == 9600


def test_what_the_port_does_not_do_is_told() -> None:
    port, telnet = a_port(115200)
    server = Server(port, telnet, command_1=(9600).to_bytes(4, "big"))
    port.begin()
    server.serve()
    assert port.refusal == "a speed of 115200 bit/s; it stays at 9600"
    port, telnet = a_port(parity="even", rtscts=True)
    server = Server(port, telnet, command_3=b"\x01")
    port.begin()
    server.serve()
    assert {b"\x03\x03", b"\x05\x03"} <= set(server.asked)
    assert port.refusal == "the parity that is wanted"


def test_a_break_is_held_and_let_go() -> None:
    port, telnet = a_port()
    server = Server(port, telnet)
    port.set_break(True)
    port.set_break(False)
    server.serve()
    assert server.asked == [b"\x05\x05", b"\x05\x06"]


def test_a_break_ends_also_when_its_sender_is_cancelled() -> None:
    async def story() -> None:
        port, telnet = a_port()
        line, server = MemoryLine(), Server(port, telnet)
        far = await line.open("b")
        stream = TelnetStream(await line.open("a"), telnet, "the port", port)

        async def until_asked(command: bytes) -> None:
            while command not in server.asked:
                server.end.receive_data(await far.read())
                server.take()

        sending = asyncio.create_task(stream.send_break())
        await until_asked(b"\x05\x05")
        sending.cancel()
        await until_asked(b"\x05\x06")
        await stream.close()

    run_virtual(story())


def test_the_server_may_stop_us_and_tells_of_its_lines() -> None:
    port, _ = a_port()
    port.receive(bytes((108,)))
    assert port.is_suspended
    port.receive(bytes((109,)))
    assert not port.is_suspended
    port.receive(bytes((106, 16)))
    port.receive(bytes((107, 128)))
    assert (port.state.line_state, port.state.modem_state) == (16, 128)


def test_whoever_asks_hears_who_we_are() -> None:
    port, telnet = a_port()
    server = Server(port, telnet)
    port.receive(b"\x00")
    server.end.receive_data(telnet.data_to_send())
    assert server.end.subnegotiations.popleft() == (COM_PORT, b"\x00guardpost")


@given(st.lists(st.binary(max_size=8), max_size=20))
def test_no_answer_is_too_bad(answers: list[bytes]) -> None:
    port, _ = a_port(9600)
    port.begin()
    for answer in answers:
        port.receive(answer)
