"""Framer: the frames of one session, in its profiles, and the way to other ones.

Source: docs/protocol.md section 9, "Other profiles".
"""

from guardpost.protocol.framing import Decoder, Encoder, Profile
from guardpost.protocol.limits import SWITCH_REPEAT_SECONDS, SWITCH_SECONDS
from guardpost.protocol.messages import Message, Profiles

__all__ = ["Framer"]


class Framer:
    """`profiles`: (console -> agent, agent -> console), as are the CRC states.

    `encoding` is what we send in, which during a switch is what passes on any path.
    """

    def __init__(
        self, profiles: tuple[Profile, Profile], crc_states: tuple[int, int], *, console: bool
    ) -> None:
        self._console = console
        self._crc_out, self.crc_in = crc_states if console else crc_states[::-1]
        self._switch: _Switch | None = None
        self.profiles = profiles
        self.in_doubt = False
        """Whether a switch was given up unanswered: the agent may have heard of it all the same."""
        self.decoder = Decoder(profiles[console], (self.crc_in,))
        self._speak(profiles[not console])

    def _speak(self, profile: Profile) -> None:
        self.encoding = profile
        self._encoder = Encoder(profile, self._crc_out)

    def encode(self, body: bytes) -> bytes:
        """The frame of a sealed packet."""
        return self._encoder.encode(body)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """What is in the line's bytes, as Decoder.feed; during a switch the good frames only."""
        if self._switch is None:
            return self.decoder.feed(data)
        found = self.decoder.feed(data) + self._switch.decoder.feed(data)
        return [item for item in found if item[0] >= 0]

    def use(self, profiles: tuple[Profile, Profile]) -> None:
        """From now on these, in both directions."""
        self._switch = None
        self.in_doubt = False
        if profiles != self.profiles:
            self.profiles = profiles
            self.decoder = Decoder(profiles[self._console], (self.crc_in,))
        self._speak(profiles[not self._console])

    # --- the console's way to other profiles ---

    def begin_switch(self, profiles: tuple[Profile, Profile], now: float) -> Profiles:
        """What to tell the agent; until it is acked we speak printable and hear both."""
        self._switch = _Switch(profiles, self.crc_in, now)
        self._speak(Profile.PRINTABLE)
        return self._switch.message

    @property
    def wanted(self) -> Profiles | None:
        """What the agent should be told, while it does not know it."""
        return self._switch.message if self._switch is not None else None

    def acked(self, message: Message) -> None:
        """The agent has heard `message`."""
        if self._switch is not None and message is self._switch.message:
            self.use(self._switch.profiles)

    def is_stale(self, message: Message) -> bool:
        """Whether it would take the agent to profiles that we have given up, or have by now."""
        return isinstance(message, Profiles) and message is not self.wanted

    @property
    def deadline(self) -> float | None:
        switch = self._switch
        return min(switch.until, switch.repeat_at) if switch is not None else None

    def handle_timeout(self, now: float) -> bool:
        """Whether it is time to tell the agent again."""
        switch = self._switch
        if switch is None or now < min(switch.until, switch.repeat_at):
            return False
        if now >= switch.until:
            self.use(self.profiles)  # in vain
            # After one to what we have anyway the agent speaks that too, or is not there.
            self.in_doubt = switch.profiles != self.profiles
            return False
        switch.repeat_at = now + SWITCH_REPEAT_SECONDS
        return True


class _Switch:
    def __init__(self, profiles: tuple[Profile, Profile], crc_state: int, now: float) -> None:
        self.profiles = profiles
        self.message = Profiles(*profiles)
        self.decoder = Decoder(profiles[1], (crc_state,))
        self.until = now + SWITCH_SECONDS
        self.repeat_at = now + SWITCH_REPEAT_SECONDS
