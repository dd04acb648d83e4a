"""Left out means: not in the process, and nobody is told off for it."""

import subprocess
import sys

LEFT_OUT = """
import sys
from guardpost.cli import openssl
openssl.leave_out()
import asyncio, hashlib, hmac
assert not {"ssl", "_ssl", "_hashlib"} & set(sys.modules), "it is here"
assert hashlib.blake2s(b"").digest() and hmac.digest(b"k", b"", hashlib.blake2s)
"""


def printed_by(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return result.stdout + result.stderr


def test_what_is_imported_inside_goes_without_and_later_it_is_there_again() -> None:
    assert printed_by(f"{LEFT_OUT}\nimport ssl") == ""


def test_a_python_whose_hashes_are_openssl_s_keeps_them_and_says_nothing() -> None:
    without_its_own = "import sys; sys.modules['_md5'] = None\n"
    code = LEFT_OUT.replace('"_hashlib"', '"_nothing"')
    assert printed_by(without_its_own + code) == ""


def test_what_is_there_already_stays() -> None:
    code = "import sys, ssl, hashlib\nfrom guardpost.cli import openssl\nopenssl.leave_out()\n"
    assert printed_by(f"{code}assert sys.modules['ssl'] is ssl") == ""
