"""A pre-shared key comes from a file that only its owner can read, or not at all."""

import base64
from pathlib import Path

import pytest

from guardpost.errors import KeyFileError
from guardpost.identity.psk import read_psk

PSK = bytes(range(32))
LINE = "guardpost-psk-1:" + base64.b64encode(PSK).decode()


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "psk"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_file_holds_one_line_and_comments(tmp_path: Path) -> None:
    assert read_psk(written(tmp_path, f"# for web01\n\n{LINE}\n")) == PSK


@pytest.mark.parametrize(
    "text", ["", LINE[:-4], LINE[16:], f"{LINE}\n{LINE}", LINE + "é", "guardpost-psk-1:AAAA"]
)
def test_anything_else_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyFileError) as refusal:
        read_psk(written(tmp_path, text))
    assert LINE[20:40] not in str(refusal.value)


def test_a_secret_that_others_can_read_is_none(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_psk(written(tmp_path, LINE, 0o644))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="no such file"):
        read_psk(tmp_path / "psk")
