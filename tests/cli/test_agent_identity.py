"""Which of its possible keys an agent has."""

import argparse
import asyncio
import os
from pathlib import Path

import pytest
from support.golden import IDENTITY, golden

from guardpost.baked import Facts
from guardpost.cli import agent_identity
from guardpost.identity import Identity, load_or_make

NOTHING = Facts(None)


def options(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"identity": None, "ephemeral": False, "recovery": False, **given})


def test_a_file_that_was_named_counts_before_what_is_baked_in(tmp_path: Path) -> None:
    named = str(tmp_path / "identity.key")
    kept = load_or_make(Path(named), os.urandom)
    assert agent_identity.identity_of(options(identity=named, recovery=True), golden()) == kept


@pytest.mark.parametrize("recovery", [False, True])
def test_what_is_baked_in_is_the_agent_s_key(recovery: bool) -> None:
    found = agent_identity.identity_of(options(recovery=recovery), golden())
    assert found == IDENTITY
    assert not found.is_ephemeral  # a console may remember it


@pytest.mark.parametrize("option", ["ephemeral", "recovery"])
def test_otherwise_a_rescue_system_has_a_new_key_each_time(option: str) -> None:
    first, second = (agent_identity.identity_of(options(**{option: True}), NOTHING) for _ in "ab")
    assert first.is_ephemeral
    assert first.public != second.public


def test_ephemeral_means_not_the_one_that_is_baked_in() -> None:
    found = agent_identity.identity_of(options(ephemeral=True), golden())
    assert found.is_ephemeral
    assert found.public != IDENTITY.public


def test_a_key_is_made_when_the_random_generator_is_ready_and_told() -> None:
    happened: list[object] = []

    async def wait() -> None:
        happened.append("ready")

    def make() -> Identity:
        happened.append("made")
        return IDENTITY

    found = asyncio.run(agent_identity.later(make, happened.append, wait)())  # type: ignore[arg-type]
    assert found is IDENTITY
    assert happened == ["ready", "made", IDENTITY]
