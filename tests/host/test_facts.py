"""Facts of this host: present, plausible, and harmless when withheld."""

import sys

import msgspec

from guardpost.host import facts


def test_every_fact_is_plausible() -> None:
    here = facts.read_facts("1.2.3")
    assert here.agent_version == "1.2.3"
    assert here.name
    assert here.kernel
    assert here.cpus is not None
    assert here.cpus >= 1
    assert here.uptime is not None
    assert here.uptime > 0
    assert here.memory is not None
    assert 0 < here.memory.available <= here.memory.total
    for disk in here.disks:
        assert disk.total >= disk.used >= 0
    for address in here.addresses:
        assert "%" not in address.address
        assert address.prefix is None or 0 <= address.prefix <= 128
    if sys.platform == "linux":
        assert here.boot_id
    assert msgspec.msgpack.encode(here)


def test_a_fact_that_cannot_be_read_is_none() -> None:
    def unreadable() -> str:
        raise OSError("withheld")

    assert facts._or_none(unreadable) is None


def test_the_length_of_a_network_part() -> None:
    assert facts._prefix("255.255.255.0") == 24
    assert facts._prefix("ffff:ffff:ffff:ffff::") == 64
    assert facts._prefix("0.0.0.0") == 0
    assert facts._prefix(None) is None
