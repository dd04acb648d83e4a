"""Real processes under a role: what is refused, what a change does, what the audit keeps."""

import time
from collections.abc import Callable
from pathlib import Path

from support.bare_terminal import BareTerminal
from support.rig import Rig, rig

PATIENCE_SECONDS = 20.0


def wait_for(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def configure(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def start(made: Rig, config: Path, *options: str) -> None:
    made.start_agent("--config", str(config), *options, permit="role=web")
    wait_for(lambda: "words" in made.agent_log())


def lines(path: Path, event: str) -> list[str]:
    return [each for each in path.read_text().splitlines() if f"event={event} " in each]


def test_a_role_is_enforced_changed_and_kept_in_the_audit(tmp_path: Path) -> None:
    config, log = tmp_path / "agent.toml", tmp_path / "log" / "audit.log"
    configure(config, f'audit = "{log}"\n[roles.web]\npermit = "monitor,exec=/bin/echo"')
    with rig(agent=None) as made:
        start(made, config)
        done = made.console("exec", "/bin/echo", "two words")
        assert (done.returncode, done.stdout) == (0, b"two words\n")
        refused = made.console("exec", "/bin/sh", "-c", "echo secret")
        assert refused.returncode == 255
        assert b"exec of this program is not permitted" in refused.stderr
        refused = made.console("exec", "--env", "LD_PRELOAD=/x", "/bin/echo")
        assert b"exec with these variables is not permitted" in refused.stderr
        refused = made.console("kill", "1")
        assert b"admin is not permitted" in refused.stderr
        configure(config, f'audit = "{log}"\n[roles.web]\npermit = "monitor,exec=/bin/sh"')
        assert made.console("exec", "/bin/sh", "-c", "exit 3").returncode == 3
        assert made.console("exec", "/bin/echo").returncode == 255
        log.rename(log.with_suffix(".1"))  # as logrotate does
        assert made.console("ps").returncode == 0
        assert len(lines(log, "channel")) >= 1
        made.run("owner", made.here, "stop")
        wait_for(lambda: "outcome=end" in "".join(lines(log, "session")))
        before = log.with_suffix(".1")
        assert len(lines(before, "session")) >= 1
        assert "target=\"/bin/echo 'two words'\"" in "".join(lines(before, "channel"))
        assert before.read_text().count("outcome=refused") == 4
        assert all(each.startswith("time=20") for each in before.read_text().splitlines())
        assert "role=web" in lines(before, "session")[0]
        ended = [each for each in lines(before, "channel") if "outcome=end" in each]
        assert "received=" in ended[0]
        assert ended[0].endswith(" status=0")
        assert ended[1].endswith(" status=3")


def test_a_doubtful_agent_toml_allows_nobody_with_a_role_and_says_so(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    configure(config, '[roles.web]\npermit = "exec"')
    with rig(agent=None) as made:
        start(made, config)
        configure(config, "[roles.web")
        assert b"guardpost: not-allowed: " in made.console("exec", "true").stderr
        said = made.agent_log()
        assert f"{config}: " in said
        assert "no role allows anybody" in said
        configure(config, '[roles.web]\npermit = "exec"')
        assert made.console("exec", "true").returncode == 0


def test_a_full_disk_stops_neither_agent_nor_session(tmp_path: Path) -> None:
    """The audit's file cannot be made: it lies under a file."""
    (tmp_path / "file").touch()
    config = tmp_path / "agent.toml"
    configure(config, '[roles.web]\npermit = "exec"')
    with rig(agent=None) as made:
        start(made, config, "--audit", str(tmp_path / "file" / "audit.log"))
        for _ in range(2):
            assert made.console("exec", "true").returncode == 0
        assert made.agent_log().count("no audit in the file: ") == 1


def test_passwd_and_commands_of_the_prompt_are_in_the_audit(tmp_path: Path) -> None:
    config, log, accounts = (tmp_path / each for each in ("agent.toml", "audit.log", "accounts"))
    configure(config, '[roles.web]\npermit = "monitor"')
    with rig(agent=None) as made:
        named = ("agent", "--set-password", "ann", "--accounts", str(accounts))
        assert made.run(*named, input=b"right\n").returncode == 0
        start(made, config, "--audit", str(log), "--accounts", str(accounts))
        with BareTerminal(made.here) as terminal:
            terminal.wakes()
            for password, answer in ((b"wrong", b"wrong name"), (b"right", b"welcome, ann")):
                assert b"Password: " in terminal.asks(b"login ann\r", b"Password: ")
                assert answer in terminal.asks(password + b"\r", b"guardpost> ")
            terminal.types(b"kill 999999999\r")
            wait_for(lambda: len(lines(log, "command")) == 2)
            terminal.types(b"exit\r")
            wait_for(lambda: len(lines(log, "login")) == 3)
        wrong, begin, end = (each.split(" outcome=")[1] for each in lines(log, "login"))
        assert wrong.startswith('refused name=ann reason="wrong name or password" failures=1')
        assert begin == "begin name=ann"
        assert end == "end name=ann reason=exit"
        assert 'command="kill 999999999"' in lines(log, "command")[0]
        assert "right" not in log.read_text()
