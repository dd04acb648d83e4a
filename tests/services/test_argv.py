"""Words that no program could get."""

import pytest

from guardpost.errors import RemoteProtocolError
from guardpost.services.argv import check_argv, check_environment, check_words


def test_what_a_kernel_takes_is_taken() -> None:
    check_words(b"", b"\xff\n\x1b")
    check_argv([b"id", b"", b"-u"])
    check_environment({b"LANG": b"", b"A B": b"=\n"})


@pytest.mark.parametrize("argv", [[], [b""], [b"", b"x"], [b"a\0"], [b"a", b"\0"]])
def test_what_names_no_program_is_refused(argv: list[bytes]) -> None:
    with pytest.raises(RemoteProtocolError):
        check_argv(argv)


@pytest.mark.parametrize("env", [{b"": b"x"}, {b"A=B": b"x"}, {b"A\0": b"x"}, {b"A": b"\0"}])
def test_what_is_no_environment_is_refused(env: dict[bytes, bytes]) -> None:
    with pytest.raises(RemoteProtocolError):
        check_environment(env)
