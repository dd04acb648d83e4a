import os
from pathlib import Path

from bench.ends import Sink, connected, echo, press, send, server, watch_file
from bench.transfer import Transfer


def test_what_is_sent_arrives_at_the_sink() -> None:
    sink = Sink()
    sink.transfer = Transfer(os.urandom(200_000))
    with server(sink) as port:
        send(connected(port), sink.transfer.data)
        assert sink.transfer.wait(seconds=30, patience=30).intact


def test_what_is_sent_at_a_pace_arrives_whole() -> None:
    sink = Sink()
    sink.transfer = Transfer(os.urandom(3000))
    with server(sink) as port:
        send(connected(port), sink.transfer.data, 100_000)
        assert sink.transfer.wait(seconds=30, patience=30).intact


def test_a_connection_that_closes_early_ends_the_transfer() -> None:
    sink = Sink()
    sink.transfer = Transfer(bytes(100))
    with server(sink) as port:
        send(connected(port), bytes(40))
        outcome = sink.transfer.wait(seconds=30, patience=30)
    assert (outcome.end, outcome.arrived) == ("ended", 40)


def test_a_key_that_is_echoed_has_a_time() -> None:
    with server(echo) as port, connected(port) as key:
        assert len(press(key, 0.0, at_least=2)) == 2


def test_a_key_that_nobody_echoes_has_none() -> None:
    with server(Sink()) as port, connected(port) as key:
        assert press(key, 0.0, patience=0.05) == []


def test_a_file_that_grows_is_a_transfer(tmp_path: Path) -> None:
    transfer = Transfer(b"abcdef")
    ended = False
    watch_file(tmp_path / "file", transfer, lambda: ended)
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(b"abc")
        assert transfer.wait_first(30) is not None
        file.write(b"def")
    assert transfer.wait(seconds=30, patience=30).intact


def test_a_file_that_never_comes_ends_with_its_writer(tmp_path: Path) -> None:
    transfer = Transfer(b"abc")
    watch_file(tmp_path / "file", transfer, lambda: True)
    assert transfer.wait(seconds=30, patience=30).end == "ended"
