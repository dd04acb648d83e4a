"""Round trip and its variance (RFC 6298), and the probe timeout made of them: pure arithmetic."""

from guardpost.protocol.limits import (
    PROBE_FIRST_SECONDS,
    PROBE_MAX_SECONDS,
    PROBE_MIN_SECONDS,
)

__all__ = ["RoundTrip"]


class RoundTrip:
    """Seconds throughout. `smoothed` is None until the first sample."""

    __slots__ = ("latest", "smoothed", "variance")

    def __init__(self) -> None:
        self.smoothed: float | None = None
        self.variance = 0.0
        self.latest = 0.0

    def sample(self, seconds: float) -> None:
        seconds = max(seconds, 0.0)
        self.latest = seconds
        if self.smoothed is None:
            self.smoothed = seconds
            self.variance = seconds / 2
            return
        self.variance += (abs(self.smoothed - seconds) - self.variance) / 4
        self.smoothed += (seconds - self.smoothed) / 8

    def probe_timeout(self, queued_seconds: float, unanswered: int) -> float:
        """How long to wait for an ack, with `queued_seconds` of line still to go out."""
        if self.smoothed is None:
            timeout = PROBE_FIRST_SECONDS
        else:
            timeout = self.smoothed + 4 * self.variance + 0.02
        timeout = max(timeout, PROBE_MIN_SECONDS) + queued_seconds
        return min(float(timeout * (1 << unanswered)), max(PROBE_MAX_SECONDS, 2 * timeout))
