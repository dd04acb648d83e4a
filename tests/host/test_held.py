"""A thing that is held stays what it is, whatever becomes of its names."""

import os
import sys
from pathlib import Path

import pytest

from guardpost.host.held import held


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="O_PATH and /proc")
def test_a_name_that_leads_elsewhere_meanwhile_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("judged")
    (tmp_path / "b").write_text("exchanged")
    (tmp_path / "link").symlink_to("a")
    with held(os.fsencode(tmp_path / "link")) as there:
        assert there.real == os.fsencode(tmp_path / "a")
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to("b")
        with open(there.via) as file:
            assert file.read() == "judged"
    assert not os.path.exists(there.via)


@pytest.mark.parametrize("path", [b"/no/such/thing", b"a\0b"])
def test_what_is_not_there_is_not_held(path: bytes) -> None:
    with pytest.raises((OSError, ValueError)), held(path):
        raise AssertionError("nothing is there")
