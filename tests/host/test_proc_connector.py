"""The kernel's messages, real ones where we are root; any other bytes are no event."""

import os
import select
import struct
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.host.proc_connector import Happened, KernelEvent, ProcConnector, parse_message


def message(what: int, *words: int) -> bytes:
    event = struct.pack(f"=IIQ{len(words)}I", what, 0, 12345, *words)
    connector = struct.pack("=IIIIHH", 1, 1, 0, 0, len(event), 0) + event
    return struct.pack("=IHHII", 16 + len(connector), 3, 0, 0, 0) + connector


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (message(0, 0, 0), KernelEvent(Happened.ANSWER)),
        (message(0, 1, 0), KernelEvent(Happened.ANSWER, 0, 1)),
        (message(1, 5, 5, 9, 9), KernelEvent(Happened.FORK, 9)),
        (message(1, 5, 5, 10, 9), None),
        (message(2, 9, 9), KernelEvent(Happened.EXEC, 9)),
        (message(0x80000000, 9, 9, 1792, 17, 5, 5), KernelEvent(Happened.EXIT, 9, 1792)),
        (message(0x80000000, 10, 9, 0, 17, 5, 5), None),
        (message(4, 9, 9, 0, 0), None),
        (message(1, 5, 5), None),
    ],
)
def test_each_message(data: bytes, event: KernelEvent | None) -> None:
    assert parse_message(data) == event


@given(st.binary(max_size=120) | st.binary(max_size=40).map(lambda tail: message(1) + tail))
def test_any_bytes_are_an_event_or_none(data: bytes) -> None:
    found = parse_message(data)
    assert found is None or isinstance(found, KernelEvent)


if sys.platform != "linux":

    def test_elsewhere_there_is_none() -> None:
        with pytest.raises(OSError, match="only Linux"):
            ProcConnector.open()


@pytest.fixture
def connector():
    try:
        opened = ProcConnector.open()
    except OSError as error:
        pytest.skip(f"the kernel does not let us listen: {error}")
    yield opened
    opened.close()


def test_the_kernel_tells_of_a_process_and_how_it_ended(connector: ProcConnector) -> None:
    child = subprocess.Popen(["sh", "-c", "exit 7"])
    child.wait()
    found: list[Happened] = []
    deadline = time.monotonic() + 20
    while Happened.EXIT not in found and time.monotonic() < deadline:
        select.select([connector], [], [], 1)
        for event in connector.read(256)[0]:
            if event.pid == child.pid:
                found.append(event.happened)
                assert event.happened is not Happened.EXIT or os.WEXITSTATUS(event.status) == 7
    assert found == [Happened.FORK, Happened.EXEC, Happened.EXIT]
