"""Builds guardpost as one static executable: CPython, its libraries and our code in one file.

    python build_frozen.py                            guardpost-agent: the agent and the prompt
    python build_frozen.py --variant full             guardpost: the console, too
    python build_frozen.py --target aarch64           for another machine
    python build_frozen.py --authorise KEY --identity-seed FILE     with a configuration inside

It runs on any Python from 3.11 and installs nothing: what it downloads and builds is kept in
~/.cache/guardpost/frozen. docs/building.md has the rest; packaging/static/ has the parts.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "packaging"))

from static import golden, libraries, licences, lock, onefile, toolchain, update
from static.extensions import EXTENSIONS, Workshop, extension
from static.interpreter import Interpreter, interpreter
from static.program import NAMES, PACKAGES, Baked, Program, packed
from static.report import BuildError, Unavailable, say
from static.sources import Sources
from static.store import Store
from static.toolchain import HOST, TARGETS, Toolchain

ROOT = Path(__file__).resolve().parent


def main() -> int:
    args = parse()
    # As an error is one: the folders that are there for a while go, with what is secret in them.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        check(args)
        store = Store(args.cache)
        if args.update_lock:
            old = lock.read()
            update.update(old, args.cache, toolchain.make_pip(store, old))
        else:
            make(args, store)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (BuildError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3 if isinstance(error, Unavailable) else 1
    return 0


def check(args: argparse.Namespace) -> None:
    """Raises BuildError for options that do not go together."""
    if args.update_lock and args.offline:
        raise BuildError("--update-lock asks what there is now; leave out --offline")
    given = {"target": args.target != HOST, "offline": args.offline, "sources": args.sources}
    if args.variant == "onefile" and any(given.values()):
        names = ", ".join(f"--{name}" for name in given if given[name])
        raise BuildError(
            f"--variant onefile takes what pip installs, for this host; leave out {names}"
        )


def make(args: argparse.Namespace, store: Store) -> None:
    """Raises BuildError."""
    configuration = golden.configuration(args)
    toolchain.check_tools(args.variant)
    args.output.mkdir(parents=True, exist_ok=True)
    place = args.output / NAMES[args.variant]
    if args.variant == "onefile":
        onefile.build(store, configuration, place)
    else:
        build(args, configuration, store, place)
    say(f"{place} has {place.stat().st_size / 1e6:.2f} MB")
    if any(configuration.values()) and args.target == HOST:
        told = versions(place)
        print(told[told.find("baked in") :], end="", file=sys.stderr)


def versions(place: Path) -> str:
    """What the executable tells of itself. Raises BuildError if it does not run."""
    done = subprocess.run([place, "--version", "-v"], capture_output=True, text=True)
    if done.returncode:
        why = f"{done.stderr.strip()} (exit code {done.returncode})"
        raise BuildError(f"{place} is there, but --version fails: {' '.join(why.split())}")
    return done.stdout


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    about = "Build guardpost as one static executable."
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--variant", choices=list(NAMES), default="agent")
    parser.add_argument("--target", choices=TARGETS, default=HOST)
    parser.add_argument("--output", metavar="DIR", type=Path, default=ROOT / "dist")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    default = cache / "guardpost" / "frozen"
    parser.add_argument("--cache", metavar="DIR", type=Path, default=default, help=str(default))
    where = "a folder that is looked into for sources before the network is"
    parser.add_argument("--sources", metavar="DIR", type=Path, help=where)
    parser.add_argument("--offline", action="store_true", help="download nothing")
    fresh = "note what the distribution and the package index have now, and end"
    parser.add_argument("--update-lock", action="store_true", help=fresh)
    golden.add_options(parser)
    args = parser.parse_args(words)
    # Steps run in folders of their own.
    args.cache, args.output = args.cache.resolve(), args.output.resolve()
    args.sources = args.sources and args.sources.resolve()
    return args


def build(
    args: argparse.Namespace, configuration: dict[str, str], store: Store, place: Path
) -> None:
    """What needs nothing of each other goes on beside each other. Raises BuildError."""
    locked = lock.read()
    pip = partial(toolchain.make_pip, store, locked)
    sources = Sources(locked, store.folder, pip, args.sources, offline=args.offline)
    # Everything that may be missing is asked for before anything is built.
    for name in ("ziglang", *archives(args.variant), *packages(args.variant)):
        sources.get(name)
    zig = toolchain.make_zig(store, *sources.get("ziglang"))
    with ThreadPoolExecutor(8) as pool:
        tools = {each: Toolchain(zig, store, each) for each in {HOST, args.target}}
        made = {each: start_libraries(args, tools[each], sources, store, pool) for each in tools}
        python = {HOST: interpreter(tools[HOST], sources, store, made[HOST], None)}
        if args.target != HOST:
            own, needs = tools[args.target], made[args.target]
            python |= {args.target: interpreter(own, sources, store, needs, python[HOST].program)}
        trees = {name: libraries.tree(name, sources, store) for name in packages(args.variant)}
        trees |= {name: future.result() for name, future in made[args.target].items()}
        shop = Workshop(tools[args.target], python[args.target], python[HOST], trees)
        names = [each for each in EXTENSIONS if each != "openssl" or args.variant == "full"]
        objects = [*pool.map(lambda name: extension(name, shop, store), names)]
    texts, parts = inside(args.variant, sources, store, zig, python[HOST])
    baked = Baked(
        args.variant, args.target, parts, packed(texts, python[HOST].program), **configuration
    )
    program = Program(args.variant, shop, store, [file for files in objects for file in files])
    program.linked(baked, place)


def packages(variant: str) -> list[str]:
    """The parts that are taken from the package index."""
    found = [*PACKAGES["agent"], *(PACKAGES["full"] if variant == "full" else ())]
    return [*found, "cffi", "pycparser"]


def archives(variant: str) -> list[str]:
    """The parts that are the distribution's."""
    return ["python3.11", "zlib", "libffi", *(["openssl"] if variant == "full" else [])]


def start_libraries(
    args: argparse.Namespace,
    tools: Toolchain,
    sources: Sources,
    store: Store,
    pool: ThreadPoolExecutor,
) -> dict[str, "Future[Path]"]:
    """Those that the target is linked from; for the host's interpreter only its own."""
    names = ["zlib", "libffi"]
    if tools.target == args.target:
        names += ["libsodium", *(["openssl"] if args.variant == "full" else [])]
    library = libraries.library
    return {each: pool.submit(library, each, tools, sources, store) for each in names}


def inside(
    variant: str, sources: Sources, store: Store, zig: Path, python: Interpreter
) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Each part of an executable with its licence, and with its version."""
    unpacked = (*archives(variant), *packages(variant))
    names = [each for each in unpacked if each not in ("python3.11", "pycparser")]
    trees = {name: libraries.tree(name, sources, store) for name in names}
    trees |= {"guardpost": ROOT, "python3.11": python.folder, "libsodium": trees["pynacl"]}
    trees |= {"musl": zig / "ziglang", "zig": zig / "ziglang"}
    versions = {name: release.version for name, release in sources.used.items()}
    versions |= {"zig": versions["ziglang"], "musl": f"of zig {versions['ziglang']}"}
    versions |= {"libsodium": f"of PyNaCl {versions['pynacl']}"}
    parts = tuple((name, versions[name]) for name in sorted(trees) if name != "guardpost")
    return licences.collect(trees), parts


if __name__ == "__main__":
    sys.exit(main())
