"""The newest tables, put where people read them: README.md and docs/performance.md.

python -m bench.publish

Between `<!-- bench NAME -->` and `<!-- end -->` stands what bench/results/NAME.json holds as
"table"; nobody edits it by hand.
"""

import re
from pathlib import Path

from bench import ROOT, results

__all__ = ["PAGES", "published"]

PAGES = (ROOT / "README.md", ROOT / "docs" / "performance.md")

_PLACE = re.compile(r"(<!-- bench (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def published(text: str, folder: Path = results.FOLDER) -> str:
    """`text` with every table as it is now. Raises FileNotFoundError for one never measured."""

    def table(place: re.Match[str]) -> str:
        found = results.load(place[2], folder)
        return f"{place[1]}\nMeasured {found['measured']} on {found['machine']}.\n\n" + (
            f"{found['table']}\n\n{place[3]}"
        )

    return _PLACE.sub(table, text)


def main() -> None:
    for page in PAGES:
        page.write_text(published(page.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
