"""What the paths of a simulated line do to bytes, however these are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.linepaths import PATHS, path_stage


@pytest.mark.parametrize(
    ("name", "sent", "arrives"),
    [
        ("7bit", b"a\xe1\xff\x00", b"aa\x7f\x00"),
        ("crlf", b"a\nb\r\n", b"a\r\nb\r\r\n"),
        ("crnl", b"a\rb\n", b"a\nb\n"),
        ("iac", b"\xff\xfe\xff\xff", b"\xff\xff\xfe\xff\xff\xff\xff"),
        ("tilde", b"a~.b", b"a~.b"),  # only where a line begins
        ("tilde", b"a\r~.b", b"a\r"),
        ("tilde", b"~Bx\n~?y\n~~z\n~Az", b"x\ny\n~z\n~Az"),
    ],
)
def test_a_path_does_what_it_is_named_for(name: str, sent: bytes, arrives: bytes) -> None:
    assert path_stage(name)(sent) == arrives


@given(name=st.sampled_from(sorted(PATHS)), pieces=st.lists(st.binary(max_size=8)))
def test_pieces_do_not_matter(name: str, pieces: list[bytes]) -> None:
    stage = path_stage(name)
    assert b"".join(map(stage, pieces)) == path_stage(name)(b"".join(pieces))


@given(st.binary())
def test_what_it_does_not_mean_passes(data: bytes) -> None:
    for name in ("7bit", "crlf", "crnl", "iac"):
        assert path_stage(name)(data.translate(None, bytes(range(128, 256)) + b"\r\n")) == (
            data.translate(None, bytes(range(128, 256)) + b"\r\n")
        )
