"""The works of bench/codec.py one by one, with pytest-benchmark's statistics.

python -m pytest bench --benchmark-enable
"""

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.codec import Work, works
from guardpost.protocol import codec_paths

WORKS = works()


@pytest.fixture(params=WORKS)
def work(request: pytest.FixtureRequest) -> Iterator[Work]:
    best = codec_paths.path()
    found = WORKS[request.param]
    codec_paths.use_path(found.path)
    yield found
    codec_paths.use_path(best)


def test_codec(benchmark: BenchmarkFixture, work: Work) -> None:
    benchmark(work.run)
