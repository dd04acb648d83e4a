"""The console's survey of a path: a hello, then sweeps both ways, until the damage is certain.

All of it is printable but the sweeps themselves, so it passes wherever a hello does. A value that
noise hit is swept again before it counts as damaged.
"""

from collections.abc import Callable

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.framing import Decoder, Encoder, Profile
from guardpost.protocol.hello import Hello, epoch, handshake_states
from guardpost.protocol.limits import (
    HANDSHAKE_FIRST_SECONDS,
    HELLO_TRIES_SECONDS,
    SURVEY_SWEEP_HELLOS,
    SURVEY_SWEEP_MAX_SECONDS,
    SWEEPS_MAX,
)
from guardpost.protocol.path import Damage, SweepReader, sweep, sweep_frames

__all__ = ["Survey"]

_PRINTABLE = Profile.PRINTABLE


class Survey:
    """`out` holds what to send, `deadline` when to call handle_timeout.

    It ends `finished`, with its `damage`; None: nobody answered it.
    """

    def __init__(
        self, values: frozenset[int], random_bytes: Callable[[int], bytes], now: float
    ) -> None:
        """`values`: those to sweep."""
        nonce = int.from_bytes(random_bytes(8), "little")
        self.hello = Hello(False, nonce, _PRINTABLE, _PRINTABLE).encode()
        self.out: list[bytes] = []
        self.deadline: float | None = now
        self.finished = False
        self.damage: Damage | None = None
        self._values = values
        self._round = 0
        self._sweeps = 0
        self._hellos = 0
        self._sent_at = now
        self._patience = 0.0
        self._encoder: Encoder | None = None
        self._decoder: Decoder | None = None
        self._reader = SweepReader()
        self._damage = Damage(values, values)

    def agent_hello(self, candidate: bytes, now: float) -> bool:
        """True if `candidate` answers our hello."""
        hello = Hello.decode(candidate, answers=self.hello)
        if hello is None or not hello.agent:
            return False
        if self._decoder is None and not self.finished:
            states = handshake_states(epoch(self.hello, candidate))
            self._encoder = Encoder(_PRINTABLE, states[0])
            self._decoder = Decoder(_PRINTABLE, (states[1],))
            round_trip = now - self._sent_at
            sweeping = min(SURVEY_SWEEP_HELLOS * round_trip, SURVEY_SWEEP_MAX_SECONDS)
            self._patience = HANDSHAKE_FIRST_SECONDS + 2 * round_trip + sweeping
            self._sweep(now)
        return True

    def receive(self, data: bytes, now: float) -> None:
        """Bytes from the line, without hellos."""
        if self._decoder is None or self.finished:
            return
        for which, body in self._decoder.feed(data):
            if which < 0:
                self._reader.residue(body)
                continue
            try:
                found = self._reader.frame(body)
            except RemoteProtocolError:
                continue
            if found is not None and found.number == self._round:
                self._narrow(found.reported, found.found, now)

    def _narrow(self, to_agent: frozenset[int], to_console: frozenset[int], now: float) -> None:
        """One more sweep has passed: what came through in it is sound."""
        before = self._damage
        self._damage = Damage(before.to_agent & to_agent, before.to_console & to_console)
        self._values = self._damage.to_agent | self._damage.to_console
        self._round += 1
        if not self._values or self._round == 2:
            self._finish(self._damage)
        else:
            self._sweep(now)

    def handle_timeout(self, now: float) -> None:
        if self.deadline is None or now < self.deadline:
            return
        if self._decoder is None and self._hellos < len(HELLO_TRIES_SECONDS):
            self.out.append(self.hello)
            self._sent_at = now
            self.deadline = now + HELLO_TRIES_SECONDS[self._hellos]
            self._hellos += 1
        elif self._decoder is not None and self._sweeps < SWEEPS_MAX:
            self._sweep(now)
        else:
            self._finish(None)

    def _sweep(self, now: float) -> None:
        assert self._encoder is not None
        before, behind = sweep_frames(self._round, self._values)
        self.out += [
            _PRINTABLE.delimiter + self._encoder.encode(before),
            sweep(self._values),
            self._encoder.encode(behind),
        ]
        self._sweeps += 1
        self.deadline = now + self._patience

    def _finish(self, damage: Damage | None) -> None:
        self.finished = True
        self.damage = damage
        self.deadline = None
        self.out.clear()
