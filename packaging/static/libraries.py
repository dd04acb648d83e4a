"""The C libraries, each as a folder with include/ and lib/lib*.a."""

import os
import shutil
from collections.abc import Callable
from inspect import getsource
from pathlib import Path

from static.lock import Release
from static.sources import Sources
from static.store import Store, key_of
from static.toolchain import Toolchain, hidden_paths, run

__all__ = ["JOBS", "LIBRARIES", "key", "library", "tree", "unpack"]

JOBS = f"-j{os.cpu_count() or 1}"

# What a modern peer may ask of TLS stays; what nobody should use, and what talks to hardware, goes.
OPENSSL_WITHOUT = """
    shared tests dso engine legacy async dtls comp afalgeng padlockeng capieng ssl3 weak-ssl-ciphers
    rc2 rc4 rc5 idea seed bf cast des mdc2 md4 rmd160 whirlpool camellia aria sm2 sm3 sm4 srp psk
    gost ts cms ct ocsp dsa ec2m siphash cmp rfc3779 autoload-config
"""

# What its configure script would find on any Linux with musl, and on these processors. AVX-512
# serves Argon2 alone, and would not compile without flags of its own.
SODIUM_HAS = """
    _GNU_SOURCE CONFIGURED NATIVE_LITTLE_ENDIAN HAVE_ATOMIC_OPS HAVE_C11_MEMORY_FENCES
    HAVE_GCC_MEMORY_FENCES HAVE_INLINE_ASM HAVE_INTTYPES_H HAVE_STDINT_H HAVE_TI_MODE
    HAVE_CATCHABLE_ABRT HAVE_CATCHABLE_SEGV HAVE_CLOCK_GETTIME HAVE_GETPID HAVE_MADVISE HAVE_MLOCK
    HAVE_MMAP HAVE_MPROTECT HAVE_NANOSLEEP HAVE_POSIX_MEMALIGN HAVE_PTHREAD HAVE_RAISE HAVE_SYSCONF
    HAVE_SYS_AUXV_H HAVE_SYS_MMAN_H HAVE_SYS_PARAM_H HAVE_SYS_RANDOM_H HAVE_WEAK_SYMBOLS
"""
SODIUM_HAS_ON = {
    "x86_64": """
        HAVE_CET_H HAVE_AMD64_ASM HAVE_AVX_ASM HAVE_CPUID HAVE_MMINTRIN_H HAVE_EMMINTRIN_H
        HAVE_PMMINTRIN_H HAVE_TMMINTRIN_H HAVE_SMMINTRIN_H HAVE_AVXINTRIN_H HAVE_AVX2INTRIN_H
        HAVE_WMMINTRIN_H HAVE_RDRAND
    """,
    "aarch64": "HAVE_ARMCRYPTO",
}


def unpack(release: Release, files: list[Path], folder: Path) -> Path:
    """The source tree, with the distribution's patches in their order. Raises BuildError."""
    folder = folder / release.name
    folder.mkdir()
    archives = [each for each in files if ".debian.tar" not in each.name]
    for archive in archives:
        if archive.suffix == ".whl":
            shutil.unpack_archive(archive, folder / "wheel", "zip")
        else:
            run(["tar", "xf", archive], folder)
    tree = only_folder(folder)
    for patches in [each for each in files if ".debian.tar" in each.name]:
        run(["tar", "xf", patches], folder)
        series = folder / "debian" / "patches" / "series"
        for line in series.read_text().splitlines() if series.is_file() else ():
            name = line.partition("#")[0].strip()
            if name:
                patch = series.with_name(name)
                run(["patch", "-s", "-f", "-p1", "-i", patch], tree)
    return tree


def only_folder(folder: Path) -> Path:
    """Where an archive that was unpacked into `folder` has its files."""
    [found] = [each for each in folder.iterdir() if each.is_dir() and each.name != "debian"]
    return found


def tree(part: str, sources: Sources, store: Store) -> Path:
    """The unpacked sources of a part of the lock, to be read only. Raises BuildError."""
    release, files = sources.get(part)

    def make(folder: Path) -> None:
        unpack(release, files, folder)

    key = key_of(release.digest, getsource(unpack))
    return only_folder(store.made(f"sources-{part}", key, make) / part)


def zlib(tools: Toolchain, source: Path, out: Path) -> None:
    flags = " ".join((*tools.flags, *hidden_paths(source)))
    names = {"CC": tools.cc, "AR": tools.ar, "RANLIB": tools.ranlib, "CHOST": tools.triplet}
    settings = {name: str(value) for name, value in names.items()}
    tools.run(["./configure", "--static", f"--prefix={out}"], source, CFLAGS=flags, **settings)
    tools.run(["make", JOBS, "libz.a"], source)
    tools.run(["make", "install"], source)


def libffi(tools: Toolchain, source: Path, out: Path) -> None:
    # Its static trampolines do not compile with a new clang, and nothing here makes closures.
    options = ("--disable-docs", "--disable-exec-static-tramp", "--disable-raw-api")
    tools.configured(source, *options, "--disable-multi-os-directory", f"--prefix={out}")
    tools.run(["make", JOBS], source)
    tools.run(["make", "install"], source)


def libsodium(tools: Toolchain, source: Path, out: Path) -> None:
    """The copy within PyNaCl, which its bindings were made for.

    Not with its configure script, for which zig would build a libc for each kind of vector unit.
    """
    tree = source / "src" / "libsodium"
    shutil.copytree(tree / "src" / "libsodium" / "include", out / "include")
    shutil.copy(tree / "builds" / "msvc" / "version.h", out / "include" / "sodium")
    files = sorted({*tree.glob("src/libsodium/**/*.c"), *tree.glob("src/libsodium/**/*.S")})
    defined = [f"-D{name}=1" for name in (SODIUM_HAS + SODIUM_HAS_ON[tools.target]).split()]
    defined += ["-DTLS=_Thread_local", "-DASM_HIDE_SYMBOL=.hidden"]
    flags = ("-O2", "-fno-strict-aliasing", "-fwrapv", "-flax-vector-conversions")
    include = (f"-I{out / 'include' / 'sodium'}", f"-I{out / 'include'}")
    (tree / "objects").mkdir()
    objects = tools.objects(files, tree, tree / "objects", *flags, *defined, *include)
    tools.archive(objects, out / "lib" / "libsodium.a")


def openssl(tools: Toolchain, source: Path, out: Path) -> None:
    programs = (f"CC={tools.cc}", f"AR={tools.ar}", f"RANLIB={tools.ranlib}")
    without = [f"no-{each}" for each in OPENSSL_WITHOUT.split()]
    where = ["--prefix=/usr", "--libdir=lib", "--openssldir=/etc/ssl"]
    flags = [*tools.flags, *hidden_paths(source)]
    command = ["./Configure", f"linux-{tools.target}", *where, *programs, *without, *flags]
    tools.run(command, source)
    tools.run(["make", JOBS, "build_generated"], source)
    tools.run(["make", JOBS, "libcrypto.a", "libssl.a"], source)
    shutil.copytree(source / "include" / "openssl", out / "include" / "openssl")
    (out / "lib").mkdir()
    for name in ("libcrypto.a", "libssl.a"):
        shutil.copy(source / name, out / "lib" / name)


LIBRARIES: dict[str, tuple[str, Callable[[Toolchain, Path, Path], None]]] = {
    "zlib": ("zlib", zlib),
    "libffi": ("libffi", libffi),
    "libsodium": ("pynacl", libsodium),
    "openssl": ("openssl", openssl),
}
"""The name of each, the part of the lock that holds it, and how it is built."""


def key(name: str, tools: Toolchain, sources: Sources) -> str:
    """What the folder of a library depends on."""
    part, build = LIBRARIES[name]
    release, _ = sources.get(part)
    recipe = (getsource(build), getsource(unpack))
    lists = (OPENSSL_WITHOUT, SODIUM_HAS, SODIUM_HAS_ON)
    return key_of(release.digest, tools.key, recipe, lists)


def library(name: str, tools: Toolchain, sources: Sources, store: Store) -> Path:
    """Its folder, built if there is none of these inputs. Raises BuildError."""
    part, build = LIBRARIES[name]

    def make(folder: Path) -> None:
        with store.scratch(name) as scratch:
            build(tools, unpack(*sources.get(part), scratch), folder)

    return store.made(f"{name}-{tools.target}", key(name, tools, sources), make)
