"""`--version -v` of an executable: what is in it, and none of its secrets."""

from support.golden import CONSOLE, IDENTITY, golden

from guardpost.cli import baked_in, versions
from guardpost.identity import fingerprint, parse_public_key


def shown(**changed: object) -> str:
    return "\n".join(baked_in.describe(golden(**changed)))


def test_all_of_a_golden_configuration_is_shown(capsys) -> None:
    assert versions.show(verbose=True, facts=golden()) == 0
    said = capsys.readouterr().out
    assert said.startswith("guardpost ")
    for line in (
        "agent executable for x86_64",
        "libsodium 1.0.20",
        "baked in: 1 console key",
        f"  {fingerprint(parse_public_key(CONSOLE))} role web ann@desk",
        "baked in: policy with the roles full, monitor, web",
        "baked in: 1 password of ann",
        f"baked in: identity {IDENTITY.public_key} {fingerprint(IDENTITY.public)}",
    ):
        assert f"\n{line}\n" in said


def test_no_secret_is_shown() -> None:
    facts = golden()
    said = "\n".join(baked_in.describe(facts))
    assert IDENTITY.private.hex() not in said
    assert "argon2" not in said
    assert facts.password_hashes.split("$")[-1].strip() not in said


def test_what_is_not_baked_in_is_said_too() -> None:
    said = shown(AUTHORIZED="", POLICY="", PASSWORD_HASHES="", IDENTITY_SEED="")
    for line in ("no console keys", "no policy", "no passwords", "no identity"):
        assert f"baked in: {line}" in said


def test_what_is_wrong_in_it_is_said_and_counts_for_nobody() -> None:
    said = shown(AUTHORIZED="nonsense\n", POLICY="roles = 1")
    assert "baked in: no console keys\n  baked in:1: skipped: 'nonsense' is no public key" in said
    assert "a policy in which nothing counts: roles is a table" in said
