"""Addresses, names and telephones in the forms that vendors take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.canonical.orders import Address
from mappings.schemas.schema import BodyIncomplete
from mappings.shipping.address_lines import Form, fit, names, province_code, wrap
from mappings.shipping.phone import PhoneForm, phone
from mappings.shipping.transliteration import latin

WIDE = Form(lines=(255, 255), name=255)
WORDS = st.lists(st.text("abcdefg", min_size=1, max_size=12), min_size=1, max_size=12).map(" ".join)


def test_what_fits_stays_where_it_is() -> None:
    """Two lines stay two lines."""
    fitted = fit(Address(name="Jane", address1="1 Main St", address2="Apt 2"), WIDE)
    assert fitted.lines == ("1 Main St", "Apt 2")
    assert (fitted.line(1), fitted.line(2), fitted.line(3)) == ("1 Main St", "Apt 2", None)


def test_a_company_without_a_field_of_its_own_is_part_of_the_address() -> None:
    """Its door would not be found without it; where it is the recipient already, once is enough."""
    person = Address(name="Jane Doe", company="Acme", address1="1 Main St")
    assert fit(person, WIDE).lines == ("1 Main St", "Acme")
    assert fit(person, Form(lines=(30,), name=30, company=30)).company == "Acme"
    assert fit(Address(company="Acme", address1="1 Main St"), WIDE).lines == ("1 Main St",)


def test_what_is_too_long_flows_on_and_then_into_the_instructions() -> None:
    """Broken between words, nothing left out."""
    address = Address(name="Jane", address1="Flat 3, The Old Mill House", address2="Behind the church")
    fitted = fit(address, Form(lines=(20, 20), name=30, instructions=60))
    assert fitted.lines == ("Flat 3, The Old Mill", "House, Behind the")
    assert fitted.instructions == "church"


def test_what_has_no_place_is_held_by_name() -> None:
    """Half an address is worse than a question."""
    with pytest.raises(BodyIncomplete, match=r"^address_1, address_2: longer"):
        fit(Address(name="Jane", address1="x " * 40), Form(lines=(20, 20), name=30))
    with pytest.raises(BodyIncomplete, match=r"^name: longer"):
        fit(Address(name="Jane Doe", address1="x"), Form(lines=(20,), name=4))


@given(texts=st.lists(WORDS, min_size=1, max_size=4), widths=st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_no_character_is_lost_and_no_line_too_long(texts: list[str], widths: list[int]) -> None:
    """Lines and rest together are the text."""
    lines, rest = wrap(texts, widths)
    assert all(len(line) <= max(widths) for line in lines)
    assert len(lines) <= len(widths)
    letters = "".join((*lines, rest)).replace(" ", "").replace(",", "")
    assert letters == "".join(texts).replace(" ", "")


def test_scripts_without_spaces_are_broken_where_they_must() -> None:
    """Nothing to break at, and still nothing lost."""
    assert wrap(["東京都千代田区千代田一丁目一番地"], (10, 10)) == (("東京都千代田区千代田", "一丁目一番地"), "")


def test_blanks_of_other_scripts_are_blanks_in_latin_letters() -> None:
    """A braille blank is no letter: alone it is no line and no city, at an edge it takes no room."""
    written = Address(name="\u2800Jane", address1="1\u2800Main St", address2="\u2800", city="\u2800")
    fitted = fit(written, Form(lines=(9, 9), name=4, latin=True))
    assert (fitted.name, fitted.lines, fitted.city) == ("Jane", ("1 Main St",), None)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address(first_name="Jane", last_name="Doe", name="J. Doe"), ("Jane", "Doe")),
        (Address(name="Jane Ann Doe"), ("Jane Ann", "Doe")),
        (Address(name="Vincent van Gogh"), ("Vincent", "van Gogh")),
        (Address(name="Gogh, Vincent"), ("Vincent", "Gogh")),
        (Address(name="Prince"), ("Prince", None)),
        (Address(company="Fable & Daughters LLC"), ("Fable & Daughters", "LLC")),
        (Address(last_name="Doe"), ("Doe", None)),
        (Address(), (None, None)),
    ],
)
def test_full_names_are_split_where_nothing_else_exists(
    address: Address, expected: tuple[str | None, str | None]
) -> None:
    """First and last names are taken as given if they are."""
    assert names(address) == expected


def test_a_province_is_a_code_where_codes_are_wanted_and_nothing_where_there_is_none() -> None:
    """Singapore has none, and none is made up."""
    coded = frozenset({"CA"})
    assert province_code(Address(country_code="CA", province="Ontario"), coded) is None
    assert province_code(Address(country_code="GB", province="England"), coded) == "England"
    assert province_code(Address(country_code="SG"), coded) is None


@pytest.mark.parametrize(
    ("text", "country", "form", "expected"),
    [
        ("(416) 555-0100", "CA", PhoneForm.E164, "+14165550100"),
        ("416.555.0100", "CA", PhoneForm.DIGITS, "14165550100"),
        ("+44 20 7946 0018", "CA", PhoneForm.E164, "+442079460018"),
        ("020 7946 0018", "GB", PhoneForm.NATIONAL, "020 7946 0018"),
        ("call me", "CA", PhoneForm.E164, None),
        ("call me", "CA", PhoneForm.AS_GIVEN, "call me"),
        ("5", "CA", PhoneForm.E164, None),
    ],
)
def test_telephones_take_the_form_that_is_wanted(
    text: str, country: str, form: PhoneForm, expected: str | None
) -> None:
    """A number without a country's prefix is one of the country it is sent to; what is no number is left out."""
    assert phone([None, text], country, form) == expected


def test_the_first_number_that_can_be_dialled_is_taken() -> None:
    """An address may say "n/a" while the order knows the number."""
    assert phone(["n/a", "+1 416 555 0100"], "CA", PhoneForm.E164) == "+14165550100"


@pytest.mark.parametrize(
    ("text", "accents", "expected"),
    [
        ("Müller, Zürich", True, "Müller, Zürich"),
        ("Müller", False, "Muller"),
        ("Łódź", True, "Lódz"),
        ("Москва", True, "Moskva"),
        ("北京", True, "BeiJing"),
    ],
)
def test_other_scripts_become_latin_and_accents_stay(text: str, expected: str, *, accents: bool) -> None:
    """Only for vendors that refuse them."""
    assert latin(text, accents=accents) == expected
    assert fit(Address(name=text), Form(lines=(9,), name=50, latin=accents)).name == (expected if accents else text)
