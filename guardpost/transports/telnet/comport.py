"""The serial port at the far end, as RFC 2217 lets us set it up; no I/O."""

from guardpost.transports.telnet.negotiation import COM_PORT, TelnetEnd

__all__ = ["ComPort", "PortState"]

SIGNATURE, BAUD_RATE, DATA_SIZE, PARITY, STOP_SIZE, CONTROL = range(6)
SUSPEND, RESUME, LINE_STATE_MASK, MODEM_STATE_MASK, PURGE = range(8, 13)
LINE_STATE, MODEM_STATE = 6, 7
FROM_SERVER = 100
"""The server answers under the number of the request and this."""

PARITIES = {"none": 1, "odd": 2, "even": 3}
EIGHT_BITS = 8
ONE_STOP_BIT = 1
NO_FLOW_CONTROL, HARDWARE_FLOW_CONTROL = 1, 3
BREAK_ON, BREAK_OFF = 5, 6
PURGE_TRANSMIT = 2

_OUR_SIGNATURE = b"guardpost"


class PortState:
    """What the server has said of its port."""

    def __init__(self) -> None:
        self.bits_per_second: int | None = None
        self.line_state = 0
        """The bits of the UART's line status register, when the server last told: 2 overrun,
        4 parity, 8 framing, 16 BREAK."""
        self.modem_state = 0
        """Its modem status register: 16 CTS, 32 DSR, 64 RI, 128 DCD."""


class ComPort:
    """Sets the port to 8 bits and 1 stop bit when the server is found to have the option.

    `baud` None leaves its speed as it is, and asks for it.
    """

    def __init__(
        self, telnet: TelnetEnd, *, baud: int | None, parity: str = "none", rtscts: bool = False
    ) -> None:
        self.state = PortState()
        self.is_suspended = False
        """The server takes no more for now."""
        self.refusal: str | None = None
        """What the port cannot do, in words."""
        self._telnet = telnet
        self._wanted = {
            BAUD_RATE: (baud or 0, 4),
            DATA_SIZE: (EIGHT_BITS, 1),
            PARITY: (PARITIES[parity], 1),
            STOP_SIZE: (ONE_STOP_BIT, 1),
            CONTROL: (HARDWARE_FLOW_CONTROL if rtscts else NO_FLOW_CONTROL, 1),
        }
        self._unanswered: set[int] = set()
        self._has_begun = False

    def begin(self) -> None:
        """To be called when the option was agreed; later calls do nothing."""
        if self._has_begun:
            return
        self._has_begun = True
        for name, (value, size) in self._wanted.items():
            self._say(name, value.to_bytes(size, "big"))
        self._unanswered = set(self._wanted)
        self.purge()

    @property
    def is_set_up(self) -> bool:
        return self._has_begun and not self._unanswered

    def set_break(self, on: bool) -> None:
        self._say(CONTROL, bytes((BREAK_ON if on else BREAK_OFF,)))

    def purge(self) -> None:
        """What a former user has left unsent shall not reach the device."""
        self._say(PURGE, bytes((PURGE_TRANSMIT,)))

    def receive(self, said: bytes) -> None:
        """A subnegotiation of the option."""
        name, value = said[0] if said else -1, said[1:]
        if name in (SIGNATURE, SIGNATURE + FROM_SERVER):
            if not value:
                self._say(SIGNATURE, _OUR_SIGNATURE)
        elif name == SUSPEND + FROM_SERVER:
            self.is_suspended = True
        elif name == RESUME + FROM_SERVER:
            self.is_suspended = False
        elif name == LINE_STATE + FROM_SERVER and value:
            self.state.line_state = value[0]
        elif name == MODEM_STATE + FROM_SERVER and value:
            self.state.modem_state = value[0]
        elif name - FROM_SERVER in self._wanted:
            self._on_answer(name - FROM_SERVER, int.from_bytes(value, "big"))

    def _on_answer(self, name: int, value: int) -> None:
        wanted, _ = self._wanted[name]
        if name == BAUD_RATE:
            self.state.bits_per_second = value or None
            if wanted and value != wanted:
                self.refusal = f"a speed of {wanted} bit/s; it stays at {value}"
        elif name == DATA_SIZE and value != wanted:
            self.refusal = f"8 data bits; it stays at {value}"
        elif name == PARITY and value != wanted:
            self.refusal = "the parity that is wanted"
        self._unanswered.discard(name)

    def _say(self, name: int, value: bytes) -> None:
        self._telnet.subnegotiate(COM_PORT, bytes((name,)) + value)
