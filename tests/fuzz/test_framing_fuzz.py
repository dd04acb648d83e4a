"""Any bytes give frames, residue or held bytes, the same however cut; no body is lost.

The target is fuzz_framing.c. For a long run by hand, with the corpus kept: build it as
`libfuzzer` below does and give the program a folder and -max_total_time=SECONDS. An input
that fails is left in the test's temporary folder, as the output says.
"""

import json
from pathlib import Path

import pytest
from support import framing_vectors
from support.native import CODEC, compiled, run
from support.tools import need

HERE = Path(__file__).parent
TARGET = str(HERE / "fuzz_framing.c")


def seeds(folder: Path) -> list[str]:
    """The golden lines as inputs of the target: profile, hold, then bytes as they are."""
    folder.mkdir()
    cases = json.loads(framing_vectors.PATH.read_text())["decode"]
    for number, case in enumerate(cases):
        line = bytes.fromhex(case["line"])
        profile = framing_vectors.NAMES.index(case["profile"])
        (folder / str(number)).write_bytes(bytes([profile, 40, 0, len(line)]) + line)
    return [str(path) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("seconds", [3, pytest.param(120, marks=pytest.mark.slow)])
def test_with_libfuzzer(seconds: int, tmp_path: Path) -> None:
    libfuzzer = ["-fsanitize=fuzzer", *CODEC, TARGET]
    program = compiled(need("clang"), tmp_path / "fuzz", *libfuzzer)
    seeds(tmp_path / "seeds")
    (tmp_path / "found").mkdir()
    limits = ["-timeout=10", "-rss_limit_mb=512", "-max_len=2048", "-print_final_stats=1"]
    command = [str(program), f"-max_total_time={seconds}", f"-artifact_prefix={tmp_path}/"]
    said = run([*command, *limits, str(tmp_path / "found"), str(tmp_path / "seeds")], seconds + 60)
    assert "stat::number_of_executed_units" in said


@pytest.mark.parametrize("seconds", [3, pytest.param(120, marks=pytest.mark.slow)])
def test_with_our_own_driver(seconds: int, tmp_path: Path) -> None:
    gcc = need("gcc")
    driver = compiled(gcc, tmp_path / "driver.o", "-c", str(HERE / "driver.c"))
    traced = ["-fsanitize-coverage=trace-pc", *CODEC, TARGET, str(driver)]
    program = compiled(gcc, tmp_path / "fuzz", *traced)
    command = [str(program), f"-max_total_time={seconds}", f"-artifact_prefix={tmp_path}/"]
    assert "runs" in run([*command, *seeds(tmp_path / "seeds")], seconds + 60)
