"""Real processes over paths that change bytes: the session comes about and carries everything."""

import os

import pytest
from support.rig import Rig, rig
from support.tools import need

DATA = bytes(range(256)) * 8 + os.urandom(2000)

PATHS = {
    "XON and XOFF eaten": ("--eat", "11,13", "takes XON and XOFF (11, 13) for itself", "xonxoff"),
    "NUL eaten": ("--eat", "00", "swallows NUL (00)", "console"),
    "a terminal line": ("--path", "crlf,crnl", "changes CR and LF (0d, 0a)", "console"),
    "7 bits": ("--path", "7bit", "carries only 7 bits", "printable"),
    "IAC doubled": ("--path", "iac", "changes ff (telnet's IAC)", "console"),
}


def there_and_back(made: Rig, target: str) -> bytes:
    """What `cat` on the host makes of DATA; returns what was said on stderr."""
    done = made.run("exec", "-v", "--trust-new", target, "cat", input=DATA)
    assert done.returncode == 0, done.stderr
    assert done.stdout == DATA
    return done.stderr


@pytest.mark.parametrize("name", PATHS)
def test_the_path_is_named_and_everything_arrives(name: str) -> None:
    option, value, words, profile = PATHS[name]
    with rig(option, value, baud=115200) as made:
        told = there_and_back(made, made.here).decode()
        info = made.run("info", made.here).stdout.decode()
    for text in (told, info):
        assert words in text
        assert f"profile {profile} in use" in text


def test_on_a_transparent_line_nothing_is_said_of_it() -> None:
    with rig(baud=115200) as made:
        assert b"the path" not in there_and_back(made, made.here)


def test_an_echo_is_no_obstacle() -> None:
    with rig("--echo", baud=115200) as made:
        there_and_back(made, made.here)


def test_through_a_program_with_ipmitools_escape() -> None:
    """The line is a child's stdin and stdout; a tilde behind a CR would end it."""
    need("socat")
    with rig("--path", "tilde", baud=115200) as made:
        there_and_back(made, f"exec:socat - {made.here},raw,echo=0")
        made.run("owner", f"exec:socat - {made.here},raw,echo=0", "stop")


def test_a_wrong_speed_is_silence_and_the_right_one_is_not() -> None:
    """The agent cannot read our hello, so it says nothing; it never speaks first."""
    with rig("--real-speeds", baud=115200, agent=("--baud", "57600")) as made:
        wrong = made.run("exec", "--trust-new", f"{made.here}?baud=115200", "true")
        assert wrong.returncode == 255
        assert b"the speed right" in wrong.stderr
        there_and_back(made, f"{made.here}?baud=57600")


def test_a_path_that_changes_in_the_middle_ends_no_command() -> None:
    """Somebody turns on XON/XOFF: both ends of a running `cat` find another profile."""
    with rig(baud=115200) as made:
        there_and_back(made, made.here)
        made.control("eat 1113")
        there_and_back(made, made.here)
        info = made.run("info", made.here).stdout.decode()
        assert "profile xonxoff in use" in info
        log = made.agent_log()
        assert log.count("event=session outcome=begin") == 1, log
