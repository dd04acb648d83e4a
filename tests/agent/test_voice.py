"""What the prompt says is harmless, and it does not hear itself."""

from support.terminal import Clock

from guardpost.agent.voice import Voice, shown


def test_it_does_not_hear_itself() -> None:
    said: list[bytes] = []
    clock = Clock()
    voice = Voice(said.append, clock)
    voice.say("no command is called 'x\x1b[2J'; type help")
    (line,) = said
    assert line == b"no command is called 'x\\x1b[2J'; type help\r\n"
    assert voice.hear(line + b"ps\r", keys=False) == b"ps\r"
    assert voice.hear(line, keys=True) == line
    clock.now += 3
    assert voice.hear(line, keys=False) == line


def test_a_line_that_the_person_ended_is_one_of_its_own() -> None:
    said: list[bytes] = []
    voice = Voice(said.append, Clock())
    voice.speak(b"guardpost> ")
    voice.echo(b"ps\r\n")
    voice.line_ended()
    voice.say("    PID USER     S")
    assert voice.hear(b"    PID USER     S\r\n", keys=False) == b""


def test_a_stranger_is_echoed_less_than_a_user() -> None:
    said: list[bytes] = []
    voice = Voice(said.append, Clock())
    for _ in range(100):
        voice.echo(b"x" * 100)
    assert len(said) == 80
    voice.trust(user=True)
    voice.echo(b"x")
    assert len(said) == 81
    voice.echo(b"")
    assert len(said) == 81


def test_one_line_for_terminal_and_log() -> None:
    assert shown("a\r\nb\udcff") == "a\\x0d\\x0ab\\udcff"
