"""What a UART reads when the other end sends at another speed.

A byte on the line is a start bit (0), eight bits from the lowest up, a stop bit (1). The reader
waits for the line to fall, looks at the middle of each of *its* bits, and is ready again once it
sees a 1. A stop bit that reads 0 (framing error) does not keep the byte from a raw terminal.
"""

__all__ = ["misread"]

_STOP_AT = 9.5


def misread(data: bytes, sent_baud: float, read_baud: float) -> bytes:
    """`data`, sent without gaps on a line that is idle before and after, as the reader has it."""
    line = [bit for byte in data for bit in (0, *(byte >> n & 1 for n in range(8)), 1)]
    width = sent_baud / read_baud  # of the reader's bits, in the sender's
    out = bytearray()
    at = 0  # the sender's bit at which the reader looks for a start
    while True:
        try:
            at = line.index(0, at)
        except ValueError:
            return bytes(out)
        if _level(line, at + width / 2):
            at += 1  # too short to be a start bit
            continue
        out.append(sum(_level(line, at + width * (n + 1.5)) << n for n in range(8)))
        end = at + width * _STOP_AT
        at = max(at + 1, int(end))
        if not _level(line, end):
            at = _next_one(line, at)


def _level(line: list[int], when: float) -> int:
    return line[int(when)] if when < len(line) else 1


def _next_one(line: list[int], at: int) -> int:
    try:
        return line.index(1, at)
    except ValueError:
        return len(line)
