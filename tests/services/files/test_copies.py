"""Copies both ways between real folders: what stands there afterwards, and what was told."""

import hashlib
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.copies import Copies, told

from guardpost.errors import ChannelReset, ResetCode, UsageError
from guardpost.services.action import Action
from guardpost.services.files import events

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX names and modes")

Way = Callable[..., Copies]
WAYS = ["put", "get"]


@pytest.fixture(params=WAYS)
def copy(request: pytest.FixtureRequest) -> Way:
    """copy(source…, to=…, options…): the same copy, put or got."""

    def run(*sources: Path | str, to: Path | str, **how: object) -> Copies:
        async def story(copies: Copies) -> None:
            await getattr(copies, request.param)(*sources, to=to, **how)

        return told(story)

    return run


def tree(top: Path) -> dict[str, bytes | str]:
    """What is below `top`: contents of files, targets of links, "" for folders."""
    found: dict[str, bytes | str] = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = "" if path.is_dir() else path.read_bytes()
    return found


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


# --- where things go ---


def test_a_file_goes_into_a_folder_under_its_name(copy: Way, here: Path, there: Path) -> None:
    (here / "a").write_bytes(b"hello")
    copies = copy(here / "a", to=there)
    assert tree(there) == {"a": b"hello"}
    (done,) = copies.of(events.Done)
    assert done.digest == hashlib.blake2b(b"hello", digest_size=32).digest()
    assert (done.name, done.size, done.travelled) == (str(here / "a").encode(), 5, 5)


def test_a_file_goes_onto_a_name(copy: Way, here: Path, there: Path) -> None:
    (here / "a").write_bytes(b"new")
    (there / "b").write_bytes(b"older")
    copy(here / "a", to=there / "b")
    assert tree(there) == {"b": b"new"}


def test_a_slash_at_the_end_makes_a_folder(copy: Way, here: Path, there: Path) -> None:
    (here / "a").write_bytes(b"x")
    copy(here / "a", to=f"{there}/new/")
    assert tree(there) == {"new": "", "new/a": b"x"}


def test_several_go_into_a_folder(copy: Way, here: Path, there: Path) -> None:
    (here / "a").write_bytes(b"1")
    (here / "b").write_bytes(b"2")
    copy(here / "a", here / "b", to=there / "both")
    assert tree(there) == {"both": "", "both/a": b"1", "both/b": b"2"}


def test_a_folder_goes_into_one_or_becomes_the_name(copy: Way, here: Path, there: Path) -> None:
    (here / "d" / "e").mkdir(parents=True)
    (here / "d" / "e" / "f").write_bytes(b"x")
    copy(here / "d", to=there)
    copy(here / "d", to=there / "n")
    copy(f"{here}/d/", to=there / "c")
    for name in ("d", "n", "c"):
        assert tree(there / name) == {"e": "", "e/f": b"x"}


def test_several_onto_a_file_is_refused(copy: Way, here: Path, there: Path) -> None:
    (here / "a").write_bytes(b"1")
    (there / "b").write_bytes(b"2")
    with pytest.raises((ChannelReset, NotADirectoryError)):
        copy(here / "a", here / "c", to=there / "b")
    assert tree(there) == {"b": b"2"}


def test_two_of_one_name_are_refused_before_anything_is_sent(
    copy: Way, here: Path, there: Path
) -> None:
    (here / "d").mkdir()
    (here / "a").write_bytes(b"1")
    (here / "d" / "a").write_bytes(b"2")
    with pytest.raises(UsageError, match="would both become a;"):
        copy(here / "a", here / "d" / "a", to=there)
    assert tree(there) == {}


# --- names and kinds ---


@pytest.mark.parametrize(
    "name", [b"\xff\xfe", b"new\nline", b"-rf", b"~", b"a b", b"\\", b"x" * 255]
)
def test_any_name_is_a_name(copy: Way, here: Path, there: Path, name: bytes) -> None:
    shown = os.fsdecode(name)
    (here / shown).write_bytes(name)
    copy(f"{here}/", to=there)
    assert tree(there) == {shown: name}


def test_empty_files_and_folders_are_copied(copy: Way, here: Path, there: Path) -> None:
    (here / "empty").write_bytes(b"")
    (here / "folder").mkdir()
    assert not copy(f"{here}/", to=there).failed
    assert tree(there) == {"empty": b"", "folder": ""}


def test_folders_and_links_are_told_as_files_are(copy: Way, here: Path, there: Path) -> None:
    (here / "d" / "e").mkdir(parents=True)
    (here / "d" / "l").symlink_to("e")
    (there / "d").mkdir()
    (there / "d" / "e").touch()
    d, e, link = (str(here / name).encode() for name in ("d", "d/e", "d/l"))
    copies = copy(here / "d", to=there, links="copy")
    assert copies.failed == {e: "exists"}
    assert [each.name for each in copies.of(events.Skipped)] == [d]
    assert copies.of(events.Done) == [events.Done(link, 0, 0, b"")]
    (there / "d" / "e").unlink()
    copies = copy(here / "d", to=there, links="copy")
    assert [each.name for each in copies.of(events.Done)] == [e]
    assert sorted(each.name for each in copies.of(events.Skipped)) == [d, link]


def test_holes_stay_holes_and_do_not_travel(copy: Way, here: Path, there: Path) -> None:
    with (here / "sparse").open("wb") as file:
        file.write(b"begin")
        file.seek(50_000_000)
        file.write(b"end")
        file.truncate(80_000_000)
    copies = copy(here / "sparse", to=there)
    assert copies.travelled < 100_000
    with (there / "sparse").open("rb") as copied, (here / "sparse").open("rb") as original:
        assert hashlib.file_digest(copied, "md5").digest() == (
            hashlib.file_digest(original, "md5").digest()
        )
    found = (there / "sparse").stat()
    assert found.st_size == 80_000_000
    assert found.st_blocks * 512 < 1_000_000


def test_links_are_skipped_copied_or_followed(copy: Way, here: Path, there: Path) -> None:
    (here / "f").write_bytes(b"x")
    (here / "d").mkdir()
    (here / "d" / "up").symlink_to("../f")
    skipped = copy(f"{here}/", to=there / "skipped")
    assert set(skipped.failed.values()) == {"skipped-link"}
    assert tree(there / "skipped") == {"d": "", "f": b"x"}
    assert not copy(f"{here}/", to=there / "copied", links="copy").failed
    assert tree(there / "copied") == {"d": "", "d/up": "../f", "f": b"x"}
    assert not copy(f"{here}/", to=there / "followed", links="follow").failed
    assert tree(there / "followed") == {"d": "", "d/up": b"x", "f": b"x"}


def test_links_that_lead_round_are_found_out(copy: Way, here: Path, there: Path) -> None:
    (here / "d").mkdir()
    (here / "d" / "again").symlink_to(here)
    copies = copy(f"{here}/", to=there, links="follow")
    assert set(copies.failed.values()) == {"link-in-the-way"}


def test_a_named_link_is_followed(copy: Way, here: Path, there: Path) -> None:
    (here / "f").write_bytes(b"x")
    (here / "l").symlink_to("f")
    copy(here / "l", to=there)
    assert tree(there) == {"l": b"x"}


def test_pipes_are_told_and_not_opened(copy: Way, here: Path, there: Path) -> None:
    os.mkfifo(here / "pipe")
    (here / "f").write_bytes(b"x")
    copies = copy(f"{here}/", to=there)
    assert copies.failed == {f"{here}/pipe".encode(): "not-a-file"}
    assert tree(there) == {"f": b"x"}


def test_a_missing_source_is_told_and_the_others_come(copy: Way, here: Path, there: Path) -> None:
    (here / "f").write_bytes(b"x")
    copies = copy(here / "no", here / "f", to=there)
    assert copies.failed == {str(here / "no").encode(): "no-such-file"}
    assert tree(there) == {"f": b"x"}


# --- permissions and times ---


def test_modes_and_times_are_the_source_s(copy: Way, here: Path, there: Path) -> None:
    (here / "d").mkdir()
    (here / "d" / "f").write_bytes(b"x")
    os.chmod(here / "d" / "f", 0o4751)
    os.utime(here / "d" / "f", ns=(1, 1_234_567_890_123_456_789))
    os.chmod(here / "d", 0o750)
    os.utime(here / "d", ns=(1, 987_654_321_000_000_000))
    copy(here / "d", to=there)
    file, folder = (there / "d" / "f").stat(), (there / "d").stat()
    assert stat.S_IMODE(file.st_mode) == 0o751
    assert file.st_mtime_ns == 1_234_567_890_123_456_789
    assert (stat.S_IMODE(folder.st_mode), folder.st_mtime_ns) == (0o750, 987_654_321_000_000_000)
    copy(here / "d" / "f", to=there / "g", special=True)
    assert stat.S_IMODE((there / "g").stat().st_mode) == 0o4751


def test_without_preserving_a_replaced_file_keeps_its_own(
    copy: Way, here: Path, there: Path
) -> None:
    (here / "f").write_bytes(b"new")
    (here / "f").chmod(0o777)
    os.utime(here / "f", (1, 1))
    (there / "f").write_bytes(b"old")
    (there / "f").chmod(0o640)
    copy(here / "f", to=there, preserve=False)
    found = (there / "f").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_mtime > 1000) == (0o640, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file away")
def test_a_replaced_file_keeps_its_owner(copy: Way, here: Path, there: Path) -> None:
    (here / "f").write_bytes(b"new")
    (there / "f").write_bytes(b"old")
    os.chown(there / "f", 12345, 54321)
    copy(here / "f", to=there)
    found = (there / "f").stat()
    assert (found.st_uid, found.st_gid) == (12345, 54321)
    assert (there / "f").read_bytes() == b"new"


# --- equal, cut, changed ---


def test_what_is_equal_is_not_sent(copy: Way, here: Path, there: Path) -> None:
    (here / "f").write_bytes(os.urandom(100_000))
    copy(here / "f", to=there)
    os.utime(there / "f", (1, 1))
    before = (there / "f").stat().st_ino
    copies = copy(here / "f", to=there)
    assert copies.of(events.Skipped) == [events.Skipped(str(here / "f").encode(), 100_000)]
    assert copies.travelled == 0
    found = (there / "f").stat()
    assert (found.st_ino, found.st_mtime_ns) == (before, (here / "f").stat().st_mtime_ns)


def test_the_same_size_and_time_are_not_the_same_contents(
    copy: Way, here: Path, there: Path
) -> None:
    for folder, data in ((here, b"new"), (there, b"old")):
        (folder / "f").write_bytes(data)
        os.utime(folder / "f", (1, 1))
    assert copy(here / "f", to=there, quick=True).of(events.Skipped)
    assert tree(there) == {"f": b"old"}
    copy(here / "f", to=there)
    assert tree(there) == {"f": b"new"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cut", [1, 70_000, 200_000, 1_000_000])
def test_a_cut_copy_goes_on_where_it_was(way: str, cut: int, here: Path, there: Path) -> None:
    data = os.urandom(1_500_000)
    (here / "f").write_bytes(data)

    async def story(copies: Copies) -> None:
        def tell(event: events.Event) -> None:
            if isinstance(event, events.Advanced) and event.position >= cut:
                copies.opener.lose()

        copies.events = type("Cutting", (list,), {"append": lambda self, event: tell(event)})()
        with pytest.raises(ChannelReset):
            await getattr(copies, way)(here / "f", to=there)
        copies.events = []

    told(story, limit=4096)
    assert not (there / "f").exists()

    async def again(copies: Copies) -> None:
        await getattr(copies, way)(here / "f", to=there)

    copies = told(again)
    assert tree(there) == {"f": data}
    assert copies.travelled <= len(data) - cut + 150_000


@pytest.mark.parametrize("way", WAYS)
def test_a_torn_end_of_a_cut_copy_is_found_out(way: str, here: Path, there: Path) -> None:
    """As a reboot leaves it: the length is there, the last blocks are not."""
    data = os.urandom(1_000_000)
    (here / "f").write_bytes(data)
    part = there / ".f.guardpost-part"
    part.write_bytes(data[:700_000] + bytes(50_000))
    part.chmod(0o600)

    async def story(copies: Copies) -> None:
        await getattr(copies, way)(here / "f", to=there)

    copies = told(story)
    assert tree(there) == {"f": data}
    (resumed,) = copies.of(events.Resumed)
    assert 550_000 <= resumed.offset <= 700_000
    assert copies.travelled == len(data) - resumed.offset


@pytest.mark.parametrize("left", ["another file's", "a link", "readable by all", "a folder"])
def test_a_part_that_is_not_ours_is_worth_nothing(
    copy: Way, here: Path, there: Path, left: str
) -> None:
    data = os.urandom(300_000)
    (here / "f").write_bytes(data)
    part, outside = there / ".f.guardpost-part", here / "outside"
    outside.write_bytes(b"not to be touched")
    if left == "another file's":
        part.write_bytes(os.urandom(200_000))
        part.chmod(0o600)
    elif left == "a link":
        part.symlink_to(outside)
    elif left == "a folder":
        part.mkdir()
    else:
        part.write_bytes(data[:200_000])
        part.chmod(0o666)
    copies = copy(here / "f", to=there)
    assert (there / "f").read_bytes() == data
    assert outside.read_bytes() == b"not to be touched"
    assert copies.travelled == len(data)


def test_a_source_that_changes_is_told_and_nothing_replaced(here: Path, there: Path) -> None:
    (here / "f").write_bytes(os.urandom(1_000_000))
    (there / "f").write_bytes(b"old")

    async def story(copies: Copies) -> None:
        def tell(self: list[events.Event], event: events.Event) -> None:
            if isinstance(event, events.Advanced) and event.position < 500_000:
                with (here / "f").open("ab") as file:
                    file.write(b"more")
            list.append(self, event)

        copies.events = type("Changing", (list,), {"append": tell})()
        await copies.put(here / "f", to=there)
        assert copies.failed == {str(here / "f").encode(): "source-changed"}
        assert (there / "f").read_bytes() == b"old"
        await copies.put(here / "f", to=there, live=True)

    told(story, limit=4096)
    copied = (there / "f").read_bytes()
    assert (here / "f").read_bytes().startswith(copied)
    assert len(copied) > 1_000_000


def test_two_copies_to_one_name_do_not_mix(here: Path, there: Path) -> None:
    import asyncio

    (here / "f").write_bytes(os.urandom(2_000_000))

    async def story(copies: Copies) -> None:
        await asyncio.gather(copies.put(here / "f", to=there), copies.put(here / "f", to=there))

    copies = told(story)
    assert set(copies.failed.values()) <= {"busy"}
    assert tree(there) == {"f": (here / "f").read_bytes()}


def changed(data: bytes) -> bytes:
    """A few places changed, something inserted and something taken out."""
    new = bytearray(data)
    for at in (1000, 700_000, 1_400_000):
        new[at : at + 5000] = os.urandom(5000)
    new[300_000:300_000] = b"inserted"
    del new[1_000_000:1_020_000]
    return bytes(new)


def test_of_an_older_version_only_what_changed_travels(copy: Way, here: Path, there: Path) -> None:
    data = os.urandom(2_000_000)
    (there / "f").write_bytes(data)
    (here / "f").write_bytes(changed(data))
    copies = copy(here / "f", to=there)
    assert tree(there) == {"f": (here / "f").read_bytes()}
    assert 15_000 < copies.travelled < 70_000


@pytest.mark.parametrize("way", WAYS)
def test_a_cut_copy_of_an_older_version_goes_on_too(way: str, here: Path, there: Path) -> None:
    data = os.urandom(2_000_000)
    (there / "f").write_bytes(data)
    (here / "f").write_bytes(changed(data))
    new = (here / "f").read_bytes()
    part = there / ".f.guardpost-part"
    part.write_bytes(new[:800_000])
    part.chmod(0o600)

    async def story(copies: Copies) -> None:
        await getattr(copies, way)(here / "f", to=there)

    copies = told(story)
    assert copies.of(events.Resumed)[0].offset == 800_000
    assert tree(there) == {"f": new}
    assert copies.travelled < 40_000


def test_who_may_only_write_learns_nothing_of_what_is_there(here: Path, there: Path) -> None:
    data = os.urandom(100_000)
    for folder in (here, there):
        (folder / "f").write_bytes(data)

    async def story(copies: Copies) -> None:
        await copies.put(here / "f", to=there)

    assert told(story, verbs=("file-write",)).travelled == len(data)


# --- streams ---


def test_standard_input_goes_onto_a_name(there: Path, here: Path) -> None:
    data = os.urandom(200_000)
    (here / "in").write_bytes(data)

    async def story(copies: Copies) -> None:
        with (here / "in").open("rb") as stdin:
            await copies.put(to=there / "f", stdin=stdin.fileno())
        with (here / "in").open("rb") as stdin:
            await copies.put(to=there, stdin=stdin.fileno())
        assert copies.failed == {b"-": "is-a-folder"}

    told(story)
    assert tree(there) == {"f": data}


def test_files_go_to_standard_output(here: Path, there: Path) -> None:
    (here / "a").write_bytes(b"one ")
    (here / "b").write_bytes(b"two")

    async def story(copies: Copies) -> None:
        with (there / "out").open("wb") as stdout:
            await copies.get(here / "a", here / "b", to="-", stdout=stdout.fileno())
            await copies.get(here / "a", f"{here}/./a", to="-", stdout=stdout.fileno())
            await copies.get(here, to="-", stdout=stdout.fileno())
        assert copies.failed == {str(here).encode(): "is-a-folder"} | {
            f"{here}/{name}".encode(): "is-a-folder" for name in "ab"
        }

    told(story)
    assert tree(there)["out"] == b"one twoone one "


# --- many ---


def test_many_small_files_wait_for_no_round_trip(here: Path, there: Path) -> None:
    for number in range(700):
        (here / f"{number}").write_bytes(b"%d" % number)

    async def story(copies: Copies) -> None:
        await copies.put(f"{here}/", to=there)

    copies = told(story)
    assert len(tree(there)) == 700
    assert len(copies.of(events.Done)) == 700
    assert copies.of(events.Listed) == [events.Listed()]


# --- the policy ---


@pytest.mark.parametrize("way", WAYS)
def test_each_folder_is_in_the_audit(way: str, here: Path, there: Path) -> None:
    (here / "d" / "e").mkdir(parents=True)

    async def story(copies: Copies) -> None:
        await getattr(copies, way)(here / "d", to=there)

    audit: list[tuple[Action, str, dict[str, object]]] = []
    told(story, audit=audit)
    (top, verb) = (there, "file-write") if way == "put" else (here, "file-read")
    wanted = [(verb, str(top / name).encode(), "ok") for name in ("d", "d/e")]
    assert [(action.verb, action.path, outcome) for action, outcome, _ in audit] == wanted


def test_a_put_outside_of_the_roots_is_refused_file_by_file(here: Path, there: Path) -> None:
    (here / "f").write_bytes(b"x")
    (there / "in").mkdir()
    (there / "in" / "out").symlink_to(there)

    async def story(copies: Copies) -> None:
        await copies.put(here / "f", to=there / "in")
        await copies.put(here / "f", to=there / "in" / "out")
        assert copies.failed == {str(here / "f").encode(): "not-allowed"}

    audit: list[object] = []
    told(story, roots=[str(there / "in").encode()], audit=audit)
    assert tree(there) == {"in": "", "in/f": b"x", "in/out": str(there)}
    assert [outcome for _, outcome, _ in audit] == ["ok"]  # type: ignore[misc]


def test_a_get_outside_of_the_roots_shows_nothing(here: Path, there: Path) -> None:
    (here / "in").mkdir()
    (here / "secret").write_bytes(b"secret")
    (here / "in" / "f").write_bytes(b"x")
    (here / "in" / "link").symlink_to("../secret")

    async def story(copies: Copies) -> None:
        root = here / "in"
        await copies.get(f"{root}/", to=there, links="follow")
        assert copies.failed == {f"{root}/link".encode(): "not-allowed"}
        copies.events.clear()
        await copies.get(root / "f", here / "secret", here / "none", root / "link", to=there)
        assert set(copies.failed.values()) == {"not-allowed"}
        assert len(copies.failed) == 3

    told(story, roots=[str(here / "in").encode()])
    assert tree(there) == {"f": b"x"}


def test_a_target_that_is_nowhere_is_refused_at_once(here: Path, there: Path) -> None:
    (here / "f").write_bytes(b"x")

    async def story(copies: Copies) -> None:
        with pytest.raises(ChannelReset) as caught:
            await copies.put(here / "f", to=there / "no" / "such")
        assert caught.value.code is ResetCode.NOT_FOUND

    told(story)
