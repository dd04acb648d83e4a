"""An emulated serial port joined to one end of the simulated line, at the line's pace.

    python -m bench.peers.uart SOCKET PTY BYTES_PER_SECOND

QEMU's 8250 sends as fast as its socket takes, whatever rate its guest has set; a real one
sends a byte every 1/rate seconds. Without this the pty would take 20 KiB ahead of the line,
and the guest would look slower to answer than it is.
"""

import os
import select
import socket
import sys
import time

FIFO_BYTES = 64
"""Never more goes out at once. A 16550 holds 16 and is refilled in time; we are not woken so."""


def main() -> None:
    path, end, rate = sys.argv[1], sys.argv[2], float(sys.argv[3])
    port = socket.socket(socket.AF_UNIX)
    port.connect(path)
    line = os.open(end, os.O_RDWR | os.O_NOCTTY)
    free_at = time.monotonic()  # when what was sent will have left the FIFO
    while True:
        now = time.monotonic()
        room = FIFO_BYTES - int(max(0.0, free_at - now) * rate)
        wait = None if room > 0 else 1 / rate
        readable, _, _ = select.select([line, *([port] if room > 0 else [])], [], [], wait)
        if line in readable:
            port.sendall(os.read(line, 4096))
        if port in readable:
            data = port.recv(room)
            if not data:
                return
            os.write(line, data)
            free_at = max(free_at, time.monotonic()) + len(data) / rate


if __name__ == "__main__":
    main()
