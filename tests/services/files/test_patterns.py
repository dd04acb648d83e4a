"""Names that a `get` leaves to the agent to find: what comes of a pattern, and what does not."""

import os
import sys
from pathlib import Path

import pytest
from support.copies import Copies, told

from guardpost.services.files import events
from guardpost.services.files.sources import LOOKED_AT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX names and links")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder of the host with logs."""
    folder = tmp_path / "log"
    (folder / "old.log").mkdir(parents=True)
    for name in ("a.log", "b.log", ".hidden.log", "[1].log", "notes", "old.log/deep"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


def got(*sources: Path | str, to: Path, **how: object) -> Copies:
    async def story(copies: Copies) -> None:
        await copies.get(*sources, to=to, **{"patterns": True, **how})

    return told(story)


def names(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


def test_what_matches_goes_into_the_folder(here: Path, there: Path) -> None:
    assert got(here / "*.log", to=there).failed == {}
    assert names(there) == ["[1].log", "a.log", "b.log", "old.log", "old.log/deep"]
    assert (there / "a.log").read_text() == "a.log"


def test_patterns_and_names_stand_side_by_side(here: Path, there: Path) -> None:
    assert got(here / "notes", here / "?.log", here / ".h*", to=there).failed == {}
    assert names(there) == [".hidden.log", "a.log", "b.log", "notes"]


def test_a_name_with_such_letters_can_be_meant(here: Path, there: Path) -> None:
    assert got(here / "[[]1].log", to=there).failed == {}
    assert got(here / "[1].log", to=there / "plain", patterns=False).failed == {}
    assert names(there) == ["[1].log", "plain"]


def test_files_that_match_go_to_standard_output(here: Path, there: Path) -> None:
    reading, writing = os.pipe()
    copies = got(here / "[abo]*.log", to="-", stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as out:
        assert out.read() == b"a.logb.log"  # in the order of their names
    folder = str(here / "old.log")
    assert copies.failed == {each.encode(): "is-a-folder" for each in (folder, f"{folder}/deep")}


def test_nothing_that_matches_is_told_and_nothing_made(here: Path, there: Path) -> None:
    copies = got(here / "*.txt", here / "no" / "*", to=there)
    assert copies.failed == {f"{each}/".encode(): "no-such-file" for each in (here, here / "no")}
    assert "*.txt" in copies.of(events.Failed)[0].text
    assert not there.exists()


def test_what_it_finds_is_shown_by_its_own_name(here: Path, there: Path) -> None:
    (here / "c.log").symlink_to("gone")
    assert got(here / "*.log", to=there).failed == {str(here / "c.log").encode(): "no-such-file"}


def test_links_among_what_it_finds_may_be_copied(here: Path, there: Path) -> None:
    (here / "now.log").symlink_to("a.log")
    (here / "up.log").symlink_to("../a.log")
    copies = got(here / "*.log", to=there, links="copy")
    assert copies.failed == {str(here / "up.log").encode(): "outward-link"}
    assert (there / "now.log").read_text() == "a.log"


def test_a_long_folder_is_searched_to_its_end(here: Path, there: Path) -> None:
    for number in range(3 * LOOKED_AT):
        (here / f"x{number}").touch()
    assert got(here / "[ab].log", to=there).failed == {}
    assert names(there) == ["a.log", "b.log"]


def test_only_what_may_be_read_is_found(here: Path, there: Path) -> None:
    """A link that leads out, and folders whose names are nobody's business."""
    secret = here.parent / "secret.log"
    secret.write_text("secret")
    (here / "out.log").symlink_to(secret)
    (here / "up").symlink_to(here.parent)
    outside = [here.parent / "*.log", here / "up" / "*.log", here.parent / "none" / "*.log"]

    async def story(copies: Copies) -> None:
        await copies.get(here / "*.log", *outside, to=there, patterns=True)
        folders = [f"{each.parent}/" for each in outside]
        refused = [str(here / "out.log"), *folders]
        assert copies.failed == {each.encode(): "not-allowed" for each in refused}

    told(story, roots=[str(here).encode()])
    assert names(there) == ["[1].log", "a.log", "b.log", "old.log", "old.log/deep"]


def test_a_file_that_may_be_read_gives_no_look_at_its_folder(here: Path, there: Path) -> None:
    async def story(copies: Copies) -> None:
        await copies.get(here / "a.*", to=there, patterns=True)
        assert copies.failed == {f"{here}/".encode(): "not-allowed"}

    told(story, roots=[str(here / "a.log").encode()])
