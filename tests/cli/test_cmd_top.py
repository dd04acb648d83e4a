import json
import os

import pytest
from support import commands

from guardpost.cli import opening
from guardpost.cli.main import main


@pytest.fixture(autouse=True)
def no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "connect", commands.connect)


def test_once_prints_a_page_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "web01", "--once", "--filter", str(os.getpid())]) == 0
    text = capsys.readouterr().out
    assert "web01  up " in text
    assert "\x1b" not in text
    assert str(os.getpid()) in [line.split()[0] for line in text.splitlines()[6:] if line]


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "web01", "--json", "-n", "2", "-d", "0.2", "--sort", "rss"]) == 0
    first, second = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert first["schema"] == second["schema"] == 1
    assert second["time"] > first["time"]
    assert second["host"]["memory_total"] > 1_000_000
    assert 0 <= second["host"]["cpu_share"] <= 1
    (own,) = [each for each in second["processes"] if each["pid"] == os.getpid()]
    assert own["rss_bytes"] > 1_000_000
    assert own["cpu_percent"] >= 0
    sizes = [each["rss_bytes"] for each in second["processes"] if each["rss_bytes"] is not None]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("words", [["-d", "0"], ["-n", "-1"], ["-d", "nan"], ["--sort", "size"]])
def test_what_makes_no_sense_is_a_usage_error(words: list[str]) -> None:
    assert main(["top", "web01", *words]) == 255
