import asyncio
import signal
import sys

import pytest

from guardpost.interrupts import ending_as_ctrl_c

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
BOTH = [signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", BOTH)
def test_a_loop_cleans_up_and_the_signals_default_is_back(number: int) -> None:
    cleaned = []

    async def work() -> None:
        signal.raise_signal(number)
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0)  # it may still wait
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt), ending_as_ctrl_c():
        asyncio.run(work())
    assert cleaned
    assert signal.getsignal(number) is signal.SIG_DFL


@pytest.mark.parametrize("number", BOTH)
def test_one_that_is_ignored_stays_so(number: int) -> None:
    signal.signal(number, signal.SIG_IGN)
    try:
        with ending_as_ctrl_c():
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, signal.SIG_DFL)


def test_it_ends_who_ignores_ctrl_c() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), ending_as_ctrl_c():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)
