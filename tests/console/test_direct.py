import asyncio
from pathlib import Path

import pytest

from guardpost.aio.stream import ByteStream
from guardpost.console.direct import identity_path, known_agents_path, make_console
from guardpost.console.line import ConnectOptions, Line
from guardpost.console.question import ask
from guardpost.errors import KeyFileError, UsageError


async def nowhere() -> ByteStream:
    raise AssertionError("nobody opens it")


def made(**options: object) -> None:
    async def story() -> None:
        make_console(
            Line("x", "x", nowhere),
            ConnectOptions(**options),  # type: ignore[arg-type]
            ask=ask,
            tell=print,
            text=print,
        )

    asyncio.run(story())


def test_keys_are_loaded_before_anything_is_opened(tmp_path: Path) -> None:
    identity = str(tmp_path / "identity.key")
    made(identity=identity)
    assert (tmp_path / "identity.key").stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="no public key"):
        made(identity=identity, agent_key="short")
    with pytest.raises(KeyFileError):
        made(identity=identity, psk=str(tmp_path / "missing"))


def test_paths_are_the_given_or_the_usual_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    usual, given = ConnectOptions(), ConnectOptions(identity="~/a", known_agents="/b")
    assert identity_path(usual) == tmp_path / "guardpost" / "identity.key"
    assert known_agents_path(usual) == tmp_path / "guardpost" / "known_agents"
    assert identity_path(given) == tmp_path / "home" / "a"
    assert known_agents_path(given) == Path("/b")
