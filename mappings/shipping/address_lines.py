"""Addresses and names in the lines and widths that vendors take, without losing a word.

Text that does not fit goes on in the next line and at last into the instructions, where a vendor has such a field. What
still has no place is named and held: a courier with half an address finds nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappings.schemas.schema import BodyIncomplete
from mappings.shipping.transliteration import latin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mappings.canonical.orders import Address

# Words that belong to the family name that follows them.
_PARTICLES = frozenset(
    {
        *("al", "da", "das", "de", "del", "della", "der", "di", "dos", "du"),
        *("el", "la", "le", "ten", "ter", "van", "von"),
    }
)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a vendor takes.

    `lines` are the characters of each address line, `company` those of a field for the company or None where there is
    none (it then becomes part of the address), `other` those of city and postal code, `instructions` those that may
    overflow into instructions. `latin` turns other scripts into Latin letters, for vendors that refuse them.
    """

    lines: tuple[int, ...]
    name: int
    other: int = 255
    company: int | None = None
    instructions: int = 0
    latin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """An address in a vendor's form; `lines` are as many as there is text for, `None` is what nobody said."""

    name: str | None
    company: str | None
    lines: tuple[str, ...]
    instructions: str | None
    city: str | None
    postal_code: str | None

    def line(self, number: int) -> str | None:
        """Return an address line, counted from 1; None where there is none."""
        return self.lines[number - 1] if number <= len(self.lines) else None


def fit(address: Address, form: Form) -> Fitted:
    """Bring an address into a vendor's form.

    Raises:
        BodyIncomplete: more text than there is room for; names the parts of the address.
    """
    name, company = recipient(address), address.company
    if company == name:
        company = None
    # A second line without a first is no address; which one is missing shows by the empty lines.
    streets = [_clean(text, form) for text in (address.address1, address.address2) if text and address.address1]
    extra = [_clean(company, form)] if company and streets and form.company is None else []
    lines, rest = wrap([*streets, *extra], form.lines)
    if len(rest) > form.instructions:
        raise BodyIncomplete(
            f"address_1, address_2: longer than the {sum(form.lines) + form.instructions} characters that there are for"
            " them (shorten the order's shipping address)"
        )
    return Fitted(
        name=_bounded("name", name, form.name, form),
        company=None if form.company is None else _bounded("company", company, form.company, form),
        lines=lines,
        instructions=rest or None,
        city=_bounded("city", address.city, form.other, form),
        postal_code=_bounded("postal_code", address.postal_code, form.other, form),
    )


def recipient(address: Address) -> str | None:
    """Return who gets the parcel: the name, else first and last name, else the company."""
    person = " ".join(part for part in (address.first_name, address.last_name) if part)
    return address.name or person or address.company


def names(address: Address) -> tuple[str | None, str | None]:
    """Return first and last name, split from the full name where only that exists; a single word is a first name.

    `Vincent van Gogh` and `Gogh, Vincent` are both known forms; a name that is no person's is split all the same, as
    vendors with two fields print them side by side.
    """
    if address.first_name and address.last_name:
        return address.first_name, address.last_name
    full = _SPACE.sub(" ", recipient(address) or "").strip()
    if full.count(",") == 1 and all(part.strip() for part in full.split(",")):
        last, first = (part.strip() for part in full.split(","))
        return first, last
    words = full.split(" ")
    if len(words) == 1:
        return words[0] or None, None
    start = next((place for place, word in enumerate(words[1:-1], start=1) if word in _PARTICLES), len(words) - 1)
    return " ".join(words[:start]), " ".join(words[start:])


def province_code(address: Address, coded: frozenset[str]) -> str | None:
    """Return the province as a vendor wants it: a code in the `coded` countries, elsewhere a code, else a name.

    None for the many countries without provinces.
    """
    return address.province_code or (None if address.country_code in coded else address.province)


def wrap(texts: Sequence[str], widths: Sequence[int]) -> tuple[tuple[str, ...], str]:
    """Lay texts out in lines of these widths; return the lines, and what was left over.

    Each text keeps a line of its own if all fit so; else they flow on, broken between words, and inside a word only
    where one is longer than a line (some scripts write none of them apart).
    """
    kept = [text for text in texts if text]
    if len(kept) <= len(widths) and all(len(text) <= width for text, width in zip(kept, widths, strict=False)):
        return tuple(kept), ""
    rest, lines = ", ".join(kept), []
    for width in widths:
        line, rest = _break(rest, width)
        lines.append(line)
    return tuple(line for line in lines if line), rest


def _break(text: str, width: int) -> tuple[str, str]:
    if len(text) <= width:
        return text, ""
    place = text.rfind(" ", 0, width + 1)
    place = place if place > 0 else width
    return text[:place].rstrip(), text[place:].lstrip()


def _clean(text: str, form: Form) -> str:
    # Some characters of other scripts are blanks, or nothing, in Latin letters.
    return _SPACE.sub(" ", latin(text) if form.latin else text).strip()


def _bounded(field: str, text: str | None, most: int, form: Form) -> str | None:
    written = _clean(text, form) or None if text else None
    if written and len(written) > most:
        raise BodyIncomplete(f"{field}: longer than the {most} characters that there are for it (shorten it)")
    return written
