"""TCP connections over a gensio mux: what `gensiot` does for one, done for several.

gensiot carries one connection; the channels of gensio's mux are for programs, and Debian's
binding is of the system's own Python. So this is started by /usr/bin/python3, never imported:

    gensio_mux.py near PATH BULK_PORT KEY_PORT     listens, and opens a channel for each
    gensio_mux.py far PATH SINK_PORT ECHO_PORT     connects for each channel
"""

import sys
from typing import Any

import gensio

LINE = "relpkt(mode={mode}),msgdelim,serialdev,{path},115200n81"


class Log:
    def gensio_log(self, level: str, log: str) -> None:
        print(level, log, file=sys.stderr)


class End:
    """One of two gensios whose bytes go to the other; reading stops while that takes none."""

    def __init__(self) -> None:
        self.io: Any = None
        self.other: End | None = None

    def join(self, other: "End") -> None:
        self.other, other.other = other, self
        for each in (self, other):
            each.io.read_cb_enable(True)

    def open_done(self, io: Any, error: str | None) -> None:
        if error:
            sys.exit(f"gensio: {error}")
        assert self.other is not None
        self.join(self.other)

    def read_callback(self, io: Any, error: str | None, data: bytes, _: object) -> int:
        assert self.other is not None
        if error:
            io.read_cb_enable(False)
            io.close(self)
            self.other.io.close(self.other)
            return 0
        taken: int = self.other.io.write(data, None)
        if taken < len(data):
            io.read_cb_enable(False)
            self.other.io.write_cb_enable(True)
        return taken

    def write_callback(self, io: Any) -> None:
        io.write_cb_enable(False)
        assert self.other is not None
        self.other.io.read_cb_enable(True)

    def close_done(self, io: Any) -> None:
        pass


class Mux:
    """The first channel is only kept; the others are joined to connections."""

    def __init__(self, system: Any, ports: dict[str, str]) -> None:
        self.system = system
        self.ports = ports
        self.io: Any = None
        self.open = False
        self.waiting: list[tuple[str, End]] = []
        self.kept: list[object] = []

    def open_done(self, io: Any, error: str | None) -> None:
        if error:
            print(f"gensio: {error}", file=sys.stderr)
            sys.exit(1)
        self.open = True
        io.read_cb_enable(True)
        for service, end in self.waiting:
            self.carry(service, end)

    def read_callback(self, io: Any, error: str | None, data: bytes, _: object) -> int:
        if error:
            print(f"gensio: {error}", file=sys.stderr)
            sys.exit(1)
        return len(data)

    def write_callback(self, io: Any) -> None:
        io.write_cb_enable(False)

    def carry(self, service: str, end: End) -> None:
        """Near: a channel for this connection, once there can be one."""
        if not self.open:
            self.waiting.append((service, end))
            return
        channel = End()
        channel.io = self.io.alloc_channel([f"service={service}"], channel)
        channel.other = end
        self.kept += [channel, end]
        channel.io.open(channel)

    def new_channel(self, _: Any, io: Any, auxdata: list[str]) -> int:
        """Far: a connection for this channel."""
        channel, end = End(), End()
        channel.io = io
        io.set_cbs(channel)
        service = io.control(0, True, gensio.GENSIO_CONTROL_SERVICE, None)
        end.io = gensio.gensio(self.system, f"tcp(nodelay),127.0.0.1,{self.ports[service]}", end)
        end.other = channel
        self.kept += [channel, end]
        end.io.open(end)
        return 0


class Listener:
    def __init__(self, mux: Mux, service: str) -> None:
        self.mux = mux
        self.service = service

    def new_connection(self, _: Any, io: Any) -> None:
        end = End()
        end.io = io
        io.set_cbs(end)
        self.mux.carry(self.service, end)


def main() -> None:
    side, path, *ports = sys.argv[1:]
    system = gensio.alloc_gensio_selector(Log())
    services = dict(zip(("bulk", "key"), ports, strict=True))
    mux = Mux(system, services)
    near = side == "near"
    stack = LINE.format(mode="client" if near else "server", path=path)
    mux.io = gensio.gensio(system, f"mux(mode={'client' if near else 'server'}),{stack}", mux)
    mux.io.open(mux)
    listeners = []
    for service, port in services.items() if near else ():
        listener = Listener(mux, service)
        accepter = gensio.gensio_accepter(system, f"tcp(nodelay),127.0.0.1,{port}", listener)
        accepter.startup()
        listeners.append((accepter, listener))
    gensio.waiter(system).wait(1)


if __name__ == "__main__":
    main()
