"""Which PCI functions are somebody's remote console."""

import pytest

from guardpost.ports.facts import Pci
from guardpost.ports.pci import Role, amt_family, role_of


def function(ids: str, place: str = "16.3", class_code: int = 0x070002) -> Pci:
    vendor, device = (int(part, 16) for part in ids.split(":"))
    slot, number = place.split(".")
    return Pci(0, 0, int(slot, 16), int(number), vendor, device, class_code)


@pytest.mark.parametrize("place", ["16.3", "3.3"])
def test_any_16550_of_intels_at_amts_place_is_amt(place: str) -> None:
    assert role_of(function("8086:fff3", place)) == (Role.AMT, "Intel, of a chipset unknown here")


@pytest.mark.parametrize(
    "pci",
    [
        function("8086:fff3", "1e.3"),
        function("8086:fff3", "16.0"),
        function("8086:fff3", class_code=0x0C8000),
        function("1b36:fff3"),
    ],
    ids=["another device", "another function", "another class", "another maker"],
)
def test_and_nothing_else_is(pci: Pci) -> None:
    assert amt_family(pci) == ""
    assert role_of(pci)[0] is Role.CARD


@pytest.mark.parametrize(
    "ids, family",
    [
        ("8086:1062", "Intel 8257x"),
        ("8086:2e17", "Intel 4 Series"),
        ("8086:1d3d", "Intel C600/X79"),
        ("8086:a13d", "Intel 100 Series"),
        ("8086:7e73", "Intel Meteor Lake-P"),
        ("8086:19d5", "Intel Atom C3000"),
    ],
)
def test_known_ids_name_the_chipset_wherever_they_are(ids: str, family: str) -> None:
    assert role_of(function(ids, "2.0")) == (Role.AMT, family)


@pytest.mark.parametrize(
    "ids, role",
    [
        ("103c:3301", Role.MANAGEMENT),
        ("8086:1085", Role.MANAGEMENT),
        ("14e4:160a", Role.MANAGEMENT),
        ("1b36:0002", Role.HYPERVISOR),
        ("1b36:0004", Role.HYPERVISOR),
        ("8086:108e", Role.CARD),
        ("1c00:3253", Role.CARD),
    ],
)
def test_the_others(ids: str, role: Role) -> None:
    assert role_of(function(ids, "5.0"))[0] is role


def test_a_function_reads_as_lspci_shows_it() -> None:
    assert str(function("8086:9d3d")) == "PCI 8086:9d3d at 0000:00:16.3"
