"""All rows in one table: `make bench`."""

from bench.codec import codec
from bench.line import ROWS
from bench.table import Row, markdown


def main() -> None:
    rows: list[Row] = codec()
    for name, measure in ROWS.items():
        print(f"measuring {name} ...", flush=True)
        rows += measure()
    print(markdown(rows))


if __name__ == "__main__":
    main()
