"""The digest against the worked example of RFC 2617, and against a client that is not ours."""

import http.server
import re
import subprocess
import threading

from support.tools import need

from guardpost.transports.amt import digest


def test_the_worked_example_of_rfc_2617_section_3_5() -> None:
    assert (
        digest.response(
            b"Mufasa",
            b"Circle Of Life",
            b"testrealm@host.com",
            b"dcd98b7102dd2f0e8b11d0f600bfb0c093",
            cnonce=b"0a4f113b",
            nc=b"00000001",
            qop=b"auth",
            method=b"GET",
            uri=b"/dir/index.html",
        )
        == b"6629fae49393a05397450978507c4ef1"
    )


class Asking(http.server.BaseHTTPRequestHandler):
    """Asks for a digest, with a quality of protection or as in RFC 2069, and keeps what comes."""

    challenge = ""
    proof = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Asking.proof = self.headers.get("Authorization", "")
        self.send_response(200 if Asking.proof else 401)
        self.send_header("WWW-Authenticate", f"Digest {Asking.challenge}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def curls_proof(challenge: str) -> dict[str, bytes]:
    """What curl answers as admin for AMT's method and URI."""
    Asking.challenge, Asking.proof = challenge, ""
    with http.server.HTTPServer(("127.0.0.1", 0), Asking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}{digest.URI.decode()}"
        words = ["-s", "--noproxy", "*", "--digest", "-u", "admin:P@ssw0rd", "-d", "x", url]
        subprocess.run([need("curl"), *words], check=True, timeout=20)
        server.shutdown()
    found = re.findall(r'(\w+)="?([^",]*)', Asking.proof.removeprefix("Digest "))
    return {name: value.encode() for name, value in found}


def test_curl_proves_itself_with_the_same_32_digits() -> None:
    said = curls_proof('realm="Digest:4E", nonce="7f7f", qop="auth"')
    ours = digest.response(
        *(b"admin", b"P@ssw0rd", b"Digest:4E", b"7f7f"),
        cnonce=said["cnonce"],
        nc=said["nc"],
        qop=b"auth",
    )
    assert ours == said["response"]


def test_curl_agrees_without_a_quality_of_protection_too() -> None:
    said = curls_proof('realm="Digest:4E", nonce="7f7f"')
    assert "cnonce" not in said
    ours = digest.response(b"admin", b"P@ssw0rd", b"Digest:4E", b"7f7f")
    assert ours == said["response"]
