"""The parts of build_frozen.py: how a CPython without a libc or a file of its own is made.

report      progress, and the one line that an error is
lock        which sources, with their hashes
sources     gets them: from a folder, the cache, apt, pip
store       what is built once and kept
toolchain   zig as the C compiler
libraries   zlib, libffi, libsodium, OpenSSL
interpreter CPython
extensions  what else is written in C
program     bytecode, configuration, licences: the executable
"""
