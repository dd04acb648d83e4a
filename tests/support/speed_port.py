"""SpeedPort: a SpeedStream that no byte goes through; it only remembers its speed."""

__all__ = ["SpeedPort"]


class SpeedPort:
    """`reason`: why it is no cable. `speed` is what it was given last."""

    transparent = True
    bits_per_second = 115200

    def __init__(
        self,
        reason: str = "",
        speeds: tuple[int, ...] = (921600, 460800),
        base: int = bits_per_second,
    ) -> None:
        self.bits_per_second = base
        self._reason = reason
        self._speeds = speeds
        self.speed = self.bits_per_second

    async def read(self) -> bytes:
        return b""

    async def write(self, data: bytes) -> None:
        pass

    async def close(self) -> None:
        pass

    def no_cable(self) -> str:
        return self._reason

    def speeds(self) -> tuple[int, ...]:
        return self._speeds

    async def drain(self) -> None:
        pass

    def set_speed(self, speed: int) -> bool:
        self.speed = speed
        return True
