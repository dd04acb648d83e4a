"""Which key may do what."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.agent.permits import EVERYTHING, VERBS, Address, Grant, Permits
from guardpost.agent.policy import decide
from guardpost.services.action import Action, Verdict, is_within

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def judged(permits: str, action: Action) -> Verdict:
    return decide(Permits.parse(permits), action)


def allowed(permits: str, verb: str, host: str = "", port: int = 0) -> bool:
    return judged(permits, Action(verb, host, port)).allowed


ONE_OF_EACH = (
    Action("monitor"),
    Action("exec", argv=(b"/bin/id",)),
    Action("shell"),
    Action("file-read", path=b"/etc/passwd"),
    Action("file-write", path=b"/etc/passwd"),
    Action("forward", "host", 22),
    Action("forward", path=b"/run/x.sock"),
    Action("listen", "127.0.0.1", 0),
    Action("listen", path=b"/run/x.sock"),
    Action("admin"),
)


def test_each_verb_allows_its_own_and_no_other() -> None:
    for verb in VERBS:
        for action in ONE_OF_EACH:
            # A socket is a name in a folder, and must be named.
            its_own = action.verb == verb and (verb, action.path) != ("listen", b"/run/x.sock")
            assert judged(verb, action).allowed == its_own
    assert judged("listen=/run", ONE_OF_EACH[-2]).allowed
    assert allowed("monitor, exec", "exec")


def test_nothing_permits_nothing_and_everything_everything() -> None:
    for action in ONE_OF_EACH:
        assert not decide(Permits(), action).allowed
        assert not judged("", action).allowed
        assert decide(EVERYTHING, action).allowed


@pytest.mark.parametrize("verb", ["", "Monitor", "sudo", "forward=", "monitor,exec", "*", "kill"])
def test_unknown_verbs_are_denied_even_with_every_permit(verb: str) -> None:
    verdict = decide(EVERYTHING, Action(verb, "127.0.0.1", 22, (b"/bin/id",), b"/etc"))
    assert (verdict.allowed, verdict.reason) == (False, "no such action")


# --- programs ---


@pytest.mark.parametrize(
    "argv, fine",
    [
        ((b"/usr/bin/id",), True),
        ((b"/usr/bin/id", b"-u", b"../x"), True),
        ((b"/usr//bin/./id",), True),
        ((b"/usr/bin/id2",), False),
        ((b"/usr/bin/i",), False),
        ((b"/usr/bin/id/",), True),  # which the system then refuses to run
        ((b"/usr/bin/id/x",), False),
        ((b"/usr/bin",), False),
        ((b"/usr/bin/../bin/id",), False),
        ((b"/usr/bin/ID",), False),
        ((b"/usr/bin/id\0",), False),
        ((b"id",), False),
        ((b"./id",), False),
        ((b"",), False),
        ((), False),
        ((b"/bin/sh", b"/usr/bin/id"), False),
    ],
)
def test_a_list_of_programs_is_one_of_absolute_paths(argv: tuple[bytes, ...], fine: bool) -> None:
    verdict = judged("exec=/usr/bin/id,monitor,file-read", Action("exec", argv=argv))
    assert verdict.allowed == fine
    assert verdict.is_listed == fine


def test_a_listed_program_gets_no_variable_that_could_change_what_runs() -> None:
    def with_variables(permits: str, *env: bytes) -> bool:
        return judged(permits, Action("exec", argv=(b"/usr/bin/id",), env=env)).allowed

    assert with_variables("exec=/usr/bin/id", b"TERM", b"LANG", b"LC_ALL", b"COLUMNS")
    hostile = (
        b"LANGUAGE",
        b"TZ",
        b"LD_PRELOAD",
        b"PATH",
        b"PAGER",
        b"PYTHONPATH",
        b"LC_ALL\n",
        b"LC_x",
        b"term",
        b"",
    )
    for name in hostile:
        assert not with_variables("exec=/usr/bin/id", b"TERM", name)
        assert with_variables("exec=/usr/bin/id,exec", b"TERM", name)


# --- paths ---


@pytest.mark.parametrize("verb", ["file-read", "file-write", "forward", "listen"])
@pytest.mark.parametrize(
    "path, fine",
    [
        (b"/srv/in", True),
        (b"/srv/in/", True),
        (b"/srv/in/x", True),
        (b"//srv/./in//x/y", True),
        (b"/srv/in/..x", True),
        (b"/srv/in/\xff\n", True),
        (b"/srv/inside", False),
        (b"/srv", False),
        (b"/", False),
        (b"/srv/in/..", False),
        (b"/srv/in/../in/x", False),
        (b"/srv/in/x/../../../etc/passwd", False),
        (b"/SRV/in", False),
        (b"srv/in/x", False),
        (b"./srv/in", False),
        (b"/srv/in/x\0", False),
        (b"/srv/in\0/x", False),
        (b"\\srv\\in", False),
    ],
)
def test_a_path_is_under_a_prefix_by_whole_names(verb: str, path: bytes, fine: bool) -> None:
    verdict = judged(f"{verb}=/srv/in,{verb}=/opt", Action(verb, path=path))
    assert verdict.allowed == fine
    assert verdict.roots == ((b"/srv/in", b"/opt") if fine else None)


@pytest.mark.parametrize(
    "path, fine",
    [
        (b"C:\\srv\\in\\x", True),
        (b"c:/SRV/In", True),
        (b"c:\\srv\\inside", False),
        (b"D:\\srv\\in", False),
        (b"C:srv\\in", False),
        (b"C:\\srv\\in\\..\\..\\windows", False),
        (b"C:\\srv\\in\\x.", False),
        (b"C:\\srv\\in\\.. \\x", False),
        (b"C:\\srv\\in\\x::$DATA", False),
        (b"\\\\?\\C:\\srv\\in", False),
        (b"\\\\server\\srv\\in", False),
        (b"/srv/in", False),
    ],
)
def test_paths_of_windows(path: bytes, fine: bool) -> None:
    assert judged("file-read=C:\\srv\\in", Action("file-read", path=path)).allowed == fine


def test_a_verb_alone_is_every_path_and_no_root() -> None:
    for path in (b"/etc/shadow", b"relative", b"/a/../b"):
        assert judged("file-read", Action("file-read", path=path)) == (
            *(True, "file-read of this path is permitted", None, False),
        )
    for path in (b"", b"/a\0"):
        assert not judged("file-read", Action("file-read", path=path)).allowed
    assert judged("forward", Action("forward", path=b"/run/x.sock")).allowed


# --- addresses to listen on ---


@pytest.mark.parametrize(
    "permit, host, port, fine",
    [
        ("listen", "127.0.0.1", 8000, True),
        ("listen", "127.9.9.9", 0, True),
        ("listen", "::1", 65535, True),
        ("listen", "::ffff:127.0.0.1", 1, True),
        ("listen", "0.0.0.0", 8000, False),
        ("listen", "::", 8000, False),
        ("listen", "10.0.0.1", 8000, False),
        ("listen", "localhost", 8000, False),
        ("listen", "*", 8000, False),
        ("listen", "", 8000, False),
        ("listen", "::1%eth0", 8000, False),
        ("listen", "127.0.0.1", -1, False),
        ("listen", "127.0.0.1", 65536, False),
        ("listen=127.0.0.1:8000-8100", "127.0.0.1", 8050, True),
        ("listen=127.0.0.1:8000-8100", "127.0.0.1", 7999, False),
        ("listen=127.0.0.1:8000-8100", "127.0.0.1", 0, False),
        ("listen=127.0.0.1:8000-8100", "127.0.0.2", 8050, False),
        ("listen=127.0.0.1:*", "127.0.0.1", 0, True),
        ("listen=0.0.0.0:80", "0.0.0.0", 80, True),
        ("listen=0.0.0.0:80", "127.0.0.1", 80, False),
        ("listen=*:*", "0.0.0.0", 0, True),
        ("listen=*:*", "::", 443, True),
        ("listen=*:443", "::", 443, True),
        ("forward", "127.0.0.1", 8000, False),
    ],
)
def test_listening(permit: str, host: str, port: int, fine: bool) -> None:
    assert allowed(permit, "listen", host, port) == fine
    if fine and permit == "listen":
        assert decide(EVERYTHING, Action("listen", host, port)).allowed


def test_who_may_do_everything_still_opens_no_port_to_a_network() -> None:
    assert not decide(EVERYTHING, Action("listen", "0.0.0.0", 8000)).allowed


# --- addresses to forward to ---


@pytest.mark.parametrize(
    "permit, host, port",
    [
        ("forward", "anything", 1),
        ("forward=*:*", "::1", 65535),
        ("forward=127.0.0.1:*", "127.0.0.1", 22),
        ("forward=127.0.0.1:22", "127.0.0.1", 22),
        ("forward=127.0.0.1:22", "::ffff:127.0.0.1", 22),
        ("forward=127.0.0.1:22", "::FFFF:7f00:1", 22),
        ("forward=[::ffff:127.0.0.1]:22", "127.0.0.1", 22),
        ("forward=*:8000-8080", "host", 8000),
        ("forward=*:8000-8080", "host", 8080),
        ("forward=[::1]:22", "0:0:0:0:0:0:0:1", 22),
        ("forward=[2001:DB8::0:1]:22", "2001:db8::1", 22),
        ("forward=Db.Example.:5432", "db.example", 5432),
        ("forward=db.example:5432", "DB.EXAMPLE.", 5432),
        ("forward=a:1,forward=b:2,monitor", "b", 2),
    ],
)
def test_forward_is_permitted(permit: str, host: str, port: int) -> None:
    assert allowed(permit, "forward", host, port)


@pytest.mark.parametrize(
    "permit, host, port",
    [
        ("forward=127.0.0.1:22", "127.0.0.1", 23),
        ("forward=127.0.0.1:22", "127.0.0.2", 22),
        ("forward=127.0.0.1:22", "localhost", 22),
        ("forward=localhost:22", "127.0.0.1", 22),
        # What getaddrinfo takes for 127.0.0.1 and is no address in the usual spelling:
        ("forward=127.0.0.1:22", "127.1", 22),
        ("forward=127.0.0.1:22", "2130706433", 22),
        ("forward=127.0.0.1:22", "0x7f000001", 22),
        ("forward=127.0.0.1:22", "127.0.0.1.", 22),
        ("forward=127.0.0.1:22", "127.0.0.1\0", 22),
        ("forward=127.0.0.1:22", " 127.0.0.1", 22),
        ("forward=[::1]:22", "[::1]", 22),
        ("forward=[fe80::1]:22", "fe80::1%eth0", 22),
        ("forward=*:8000-8080", "host", 7999),
        ("forward=*:8000-8080", "host", 8081),
        ("forward=db.example:*", "db.example.org", 1),
        ("forward=db.example:*", "evil.db.example", 1),
        ("forward=db.example:*", "db.example..", 1),
        ("forward=db.example:*", "*", 1),
        ("forward", "", 22),
        ("forward", "host", 0),
        ("forward", "host", 65536),
        ("forward", "host", -1),
    ],
)
def test_forward_is_denied(permit: str, host: str, port: int) -> None:
    assert not allowed(permit, "forward", host, port)


# --- what holds for all ---

ports = st.integers(1, 65535)
names = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z])?(\.[a-z]{1,5}){0,2}", fullmatch=True)
addresses = st.ip_addresses().filter(lambda ip: not getattr(ip, "ipv4_mapped", None))
rules = st.builds(
    lambda host, low, high: Address(host, *sorted((low, high))),
    st.one_of(st.none(), names, addresses),
    ports,
    ports,
)
parts = st.sampled_from([b"srv", b"in", b"inside", b"..", b".", b"", b"etc", b"a\0"])
paths = st.lists(parts, max_size=5).map(lambda names: b"/" + b"/".join(names))
rooted = paths.filter(lambda path: is_within(path, (b"/",)))
grants = st.one_of(
    st.builds(Grant, st.sampled_from(list(VERBS))),
    st.builds(Grant, st.sampled_from(["exec", "file-read", "file-write"]), rooted),
    st.builds(Grant, st.sampled_from(["forward", "listen"]), st.one_of(rules, rooted)),
)
permits = st.lists(grants, max_size=5).map(lambda each: Permits(tuple(each)))
actions = st.builds(
    Action,
    st.one_of(st.sampled_from(list(VERBS)), st.text(max_size=8)),
    st.one_of(names, addresses.map(str), st.text(max_size=12)),
    st.integers(-2, 65540),
    st.lists(st.one_of(paths, st.binary(max_size=4)), max_size=2).map(tuple),
    st.one_of(st.just(b""), paths, st.binary(max_size=8)),
    env=st.lists(st.sampled_from([b"TERM", b"PATH", b"LC_ALL"]), max_size=1).map(tuple),
)


@given(permits, permits, actions)
def test_more_permits_never_take_anything_away(
    some: Permits, more: Permits, action: Action
) -> None:
    both = Permits(some.grants + more.grants)
    either = decide(some, action).allowed or decide(more, action).allowed
    assert decide(both, action).allowed == either


@given(actions, permits)
def test_nothing_is_allowed_that_no_grant_of_its_verb_allows(
    action: Action, granted: Permits
) -> None:
    verdict = decide(granted, action)
    if verdict.allowed:
        assert action.verb in VERBS
        assert decide(Permits(granted.of(action.verb)), action) == verdict
    else:
        assert verdict.roots is None
    assert verdict.reason.isprintable()


@given(paths, paths, st.sampled_from(["file-read", "file-write"]))
def test_what_is_allowed_under_a_root_stands_under_it(root: bytes, path: bytes, verb: str) -> None:
    granted = Permits((Grant(verb, root),))
    if decide(granted, Action(verb, path=path)).allowed:
        assert is_within(path, (root,))
        assert b".." not in path.split(b"/")


@given(addresses, names, ports, st.sampled_from(["forward", "listen"]))
def test_a_name_never_matches_an_address(
    address: IPAddress, name: str, port: int, verb: str
) -> None:
    for rule, host in ((address, name), (name, str(address)), (address, f"{address}.")):
        granted = Permits((Grant(verb, Address(rule)),))
        assert not decide(granted, Action(verb, host, port)).allowed
