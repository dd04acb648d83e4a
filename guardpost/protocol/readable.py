"""Whether bytes that are no frame are text: what a kernel, a boot loader or a person writes."""

__all__ = ["readable"]


def readable(data: bytes) -> bool:
    """Mostly text; fewer than four bytes tell nothing, and are not."""
    controls = sum(byte < 0x20 and byte not in b"\r\n\t\x1b\b" for byte in data)
    return (
        len(data) >= 4
        and controls * 20 <= len(data)
        and sum(b > 0x7E for b in data) * 4 <= len(data)
    )
