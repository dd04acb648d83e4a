import pytest

from guardpost.cli.sizes import size


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("4096", 4096),
        ("1k", 1024),
        ("1.5G", 3 << 29),
        ("2GiB", 2 << 30),
        ("5MB", 5 << 20),
    ],
)
def test_sizes(text: str, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "K", "-1", "1X", "nan", "inf", "1e99", "B"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError):
        size(text)
