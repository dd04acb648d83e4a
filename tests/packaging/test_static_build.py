"""The parts of build_frozen.py that need no compiler."""

import argparse
import base64
import hashlib
import os
import re
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from static import golden, toolchain
from static.lock import Release
from static.program import put
from static.report import BuildError, Unavailable
from static.store import Store, key_of
from support.tools import ROOT

KEY = base64.b64encode(bytes(range(32))).decode()
HASH = "root:$argon2id$v=19$m=8192,t=5,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"


def test_two_builds_at_once_make_a_thing_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "half").touch()
        assert not [*tmp_path.glob("thing-*")], "it is seen before it is whole"
        (folder / "whole").touch()

    builds = [threading.Thread(target=store.made, args=("thing", "k", make)) for _ in range(4)]
    for each in builds:
        each.start()
    for each in builds:
        each.join()
    assert len(made) == 1
    assert sorted(each.name for each in (tmp_path / "thing-k").iterdir()) == ["half", "whole"]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise BuildError("no")

    with pytest.raises(BuildError):
        store.made("thing", "k", fail)
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == []


def test_what_was_edited_while_it_was_read_is_not_kept(tmp_path: Path) -> None:
    store, source = Store(tmp_path / "store"), tmp_path / "source"
    source.write_text("first")

    def make(folder: Path) -> None:
        source.write_text("second")
        (folder / "copy").write_text(source.read_text())

    with pytest.raises(BuildError, match="changed while they were read; run it again"):
        store.made("thing", source.read_text, make)
    assert [each for each in store.folder.iterdir() if each.is_dir()] == []
    assert store.made("thing", source.read_text, make).name == "thing-second"


def test_what_our_code_became_goes_when_it_was_not_used_for_a_month(tmp_path: Path) -> None:
    store = Store(tmp_path)
    names = ("bytecode-agent", "guardpost-agent-x86_64", "guardpost-x86_64", "python-x86_64")
    made = {name: store.made(name, "k", Path.touch) for name in names}
    for each in made.values():
        os.utime(each, (0, 0))
    store.made("guardpost-agent-x86_64", "k", Path.touch)
    Store(tmp_path)
    assert [name for name in made if made[name].exists()] == [
        *("guardpost-agent-x86_64", "python-x86_64")
    ]
    assert not (tmp_path / ".bytecode-agent-k.lock").exists()


def test_a_key_stands_for_all_that_went_in() -> None:
    assert key_of("a", b"b", ("c", 1)) == key_of("a", b"b", ("c", 1))
    others = [key_of("a", b"b"), key_of("ab"), key_of("a", b"b", ("c", 2)), key_of("a", "b")]
    assert len({*others}) == len(others)


def test_every_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Unavailable) as caught:
        toolchain.check_tools("full")
    said = str(caught.value)
    assert "\n" not in said
    assert {"make", "patch", "perl", "readelf"} <= {*said.partition(" missing")[0].split(", ")}
    assert said.endswith(
        "apt-get install binutils bzip2 dash make mawk patch perl sed tar xz-utils"
    )


def test_a_step_that_fails_says_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"`sh -c .*` failed: first \| the reason$"):
        toolchain.run(["sh", "-c", "echo first; echo the reason; exit 3"], tmp_path)


def test_a_step_sees_nothing_that_would_change_what_it_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CPPFLAGS", "LDFLAGS", "MAKEFLAGS", "PYTHONPATH", "PYTHONHOME", "https_proxy"):
        monkeypatch.setenv(name, "given")
    toolchain.run(["sh", "-c", 'echo "$A$CPPFLAGS$LDFLAGS$MAKEFLAGS."'], tmp_path, {"A": "a"})
    toolchain.run(["sh", "-c", 'echo "$PYTHONPATH$PYTHONHOME$https_proxy."'], tmp_path)
    assert (tmp_path / "build.log").read_text() == "a.\ngiven.\n"


def test_another_compiler_of_the_same_name_is_another(tmp_path: Path) -> None:
    store, wheel = Store(tmp_path), tmp_path / "ziglang.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("ziglang/zig", "#!/bin/sh\n")
    releases = [Release("tool", "ziglang", "1", (("ziglang.whl", sha),)) for sha in ("ab", "cd")]
    one, other = (toolchain.make_zig(store, each, [wheel]) for each in releases)
    assert one != other
    keys = {toolchain.Toolchain(each, store, "x86_64").key for each in (one, other)}
    assert len(keys) == 2


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    golden.add_options(parser)
    return parser.parse_args(words)


def test_a_configuration_is_taken_from_words_and_files(tmp_path: Path) -> None:
    keys, policy, seed = (tmp_path / name for name in ("keys", "agent.toml", "identity"))
    keys.write_text(f'# ours\npermit="monitor" {KEY} someone')
    policy.write_text("[roles.web]\nforward = ['127.0.0.1:80']\n")
    seed.write_text(f"# The private key of ...\nguardpost-key-1:{KEY}\n")
    words = ["--authorise", KEY, "--authorise", str(keys), "--policy", str(policy)]
    found = golden.configuration(
        options(*words, "--password-hash", HASH, "--identity-seed", str(seed))
    )
    assert found == {
        "authorized": f'{KEY}\n# ours\npermit="monitor" {KEY} someone\n',
        "policy": policy.read_text(),
        "password_hashes": f"{HASH}\n",
        "identity_seed": bytes(range(32)).hex(),
    }
    assert golden.configuration(options()) == dict.fromkeys(found, "")


@pytest.mark.parametrize(
    "words, said",
    [
        (("--authorise", "me"), "'me' has no key; `guardpost key` prints"),
        (("--authorise", f"{KEY[:-4]}"), "has no key"),
        (("--policy", "/nowhere"), "--policy /nowhere: .*No such file"),
        (("--password-hash", "root:secret"), r"is no NAME:HASH; `guardpost agent --hash-password"),
        (("--identity-seed", "/nowhere"), "--identity-seed .*: No such file or directory; give"),
        (("--identity-seed", "x" * 300), "--identity-seed .*: File name too long; give"),
        (("--identity-seed", "a\0b"), "--identity-seed has no key; give"),
    ],
)
def test_a_configuration_that_is_wrong_stops_the_build(words: tuple[str, str], said: str) -> None:
    with pytest.raises(BuildError, match=said) as caught:
        golden.configuration(options(*words))
    assert "\n" not in str(caught.value)


def test_a_private_key_may_be_given_as_its_file_has_it() -> None:
    found = golden.configuration(options("--identity-seed", f"guardpost-key-1:{KEY}"))
    assert found["identity_seed"] == bytes(range(32)).hex()


def test_a_wrong_seed_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "identity"
    file.write_text("5" * 60)
    for given in (str(file), "5" * 60, "5" * 63 + "\n", f"guardpost-key-1:{'5' * 43}"):
        with pytest.raises(BuildError) as caught:
            golden.configuration(options("--identity-seed", given))
        assert "555" not in str(caught.value)


def test_a_long_line_with_a_key_is_no_file() -> None:
    line = f'permit="{",".join(f"forward=10.0.0.{number}:80" for number in range(40))}" {KEY} ours'
    assert golden.configuration(options("--authorise", line))["authorized"] == f"{line}\n"


def test_an_executable_is_never_for_more_eyes_than_at_the_end(tmp_path: Path) -> None:
    made, place = tmp_path / "made", tmp_path / "agent"
    os.mkfifo(made)  # so that the copy is looked at while it is written
    copying = threading.Thread(target=put, args=(made, place), kwargs={"mode": 0o700})
    copying.start()
    with made.open("wb") as writer:
        [half] = tmp_path.glob(".agent.new-*")
        assert stat.S_IMODE(half.stat().st_mode) == 0o700
        assert not place.exists()
        writer.write(b"secret")
    copying.join()
    assert (place.read_bytes(), stat.S_IMODE(place.stat().st_mode)) == (b"secret", 0o700)
    assert sorted(tmp_path.iterdir()) == [place, made]


def frozen(out: Path, package: Path) -> dict[str, str]:
    """The hashes of what freeze.py writes, in a process and a folder of its own."""
    out.mkdir()
    python = [sys.executable, "-B", "-S", "-P", "-X", "no_debug_ranges"]
    script = ROOT / "packaging" / "static" / "freeze.py"
    library = Path(argparse.__file__).parent
    kept = out.with_name(f"{out.name}-kept")
    kept.mkdir()
    words = ["modules", out, "program.start", "agent", kept, package, library]
    subprocess.run([*python, script, *map(str, words)], check=True, env={"PYTHONHASHSEED": "0"})
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in out.iterdir()}


def write_program(folder: Path) -> Path:
    package = folder / "program"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "command.py").write_text("def run():\n    from program import late\n")
    (package / "late.py").write_text("import shlex\n")
    (package / "types_only.py").touch()
    (package / "elsewhere.py").touch()
    (package / "start.py").write_text(
        "import sys\nfrom types import SimpleNamespace\nTYPE_CHECKING = False\n"
        "if TYPE_CHECKING:\n    from program import types_only\n"
        "if sys.platform == 'win32':\n    from program import elsewhere\n"
        "else:\n    import heapq\n"
        "COMMANDS = [SimpleNamespace(module='program.command')]\n"
    )
    return folder


def test_the_same_modules_freeze_to_the_same_bytes(tmp_path: Path) -> None:
    here = frozen(tmp_path / "here", write_program(tmp_path / "one"))
    there = frozen(tmp_path / "there", write_program(tmp_path / "an" / "other"))
    assert here == there


def test_what_only_type_checkers_and_other_systems_import_stays_out(tmp_path: Path) -> None:
    frozen(tmp_path / "out", write_program(tmp_path / "one"))
    names = (tmp_path / "out" / "modules.txt").read_text().split("\n")
    assert {"program.start", "program.command", "program.late", "shlex", "heapq"} <= {*names}
    assert not {"program.types_only", "program.elsewhere"} & {*names}


# What guardpost's modules import and a small executable does without: another system's, what is
# installed beside a package, the lines that only a console opens, and completion in its shell.
DONE_WITHOUT = {
    "argcomplete",
    "guardpost.transports.amt.stream",
    "guardpost.transports.ipmi.stream",
    "importlib.metadata",
}


def test_nothing_is_left_out_that_the_agent_imports(tmp_path: Path) -> None:
    import psutil

    python = [sys.executable, "-B", "-P"]
    script = ROOT / "packaging" / "static" / "freeze.py"
    folders = [ROOT, Path(psutil.__file__).parents[1], Path(argparse.__file__).parent]
    words = ["modules", tmp_path, "guardpost.cli.agent_program", "agent", tmp_path, *folders]
    subprocess.run([*python, script, *map(str, words)], check=True)
    lines = (tmp_path / "modules.txt").read_text().splitlines()
    told = [re.fullmatch(r"\((\S+), for (\S+), is left out\)", line) for line in lines]
    left_out = {each[1] for each in told if each and each[2].startswith("guardpost.")}
    assert left_out == DONE_WITHOUT
