"""Names lead to lazily imported things; built-ins and plug-ins come in by the same door."""

import fractions
import sys
from importlib.metadata import EntryPoint

import pytest

from soundalike.core import registry as registry_module
from soundalike.core.errors import InvalidInputError, NotFoundError
from soundalike.core.registry import Registry


def make() -> Registry[type]:
    return Registry("number", "soundalike.test_numbers", {"fraction": "fractions:Fraction"})


def test_a_name_leads_to_its_object() -> None:
    assert make().load("fraction") is fractions.Fraction


def test_nothing_is_imported_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    numbers: Registry[object] = Registry("x", "soundalike.test_x", {"colour": "colorsys:rgb_to_hsv"})
    assert numbers.names() == ["colour"]
    assert "colorsys" not in sys.modules
    numbers.load("colour")
    assert "colorsys" in sys.modules


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(NotFoundError, match=r"no number called 'integer'; there are: fraction"):
        make().load("integer")


def test_an_entry_point_becomes_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("decimal", "decimal:Decimal", "soundalike.test_numbers")
    monkeypatch.setattr(
        registry_module, "entry_points", lambda group: [point] if group == point.group else []
    )
    numbers = make()
    assert numbers.names() == ["decimal", "fraction"]
    assert numbers.load("decimal").__name__ == "Decimal"


def test_a_name_cannot_stand_for_two_things() -> None:
    numbers = make()
    numbers.register("fraction", "fractions:Fraction")
    with pytest.raises(InvalidInputError, match="cannot stand for 'decimal:Decimal' too"):
        numbers.register("fraction", "decimal:Decimal")


@pytest.mark.parametrize("address", ["fractions", "fractions:", ":Fraction", ""])
def test_an_address_has_a_module_and_an_attribute(address: str) -> None:
    with pytest.raises(InvalidInputError, match="module:attribute"):
        make().register("other", address)
