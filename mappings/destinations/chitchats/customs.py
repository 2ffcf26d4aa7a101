"""What customs want to know: tax numbers, duties and who made the goods.

See docs/vendors/chitchats.md §4 and #47, #72, #76.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# The parts of a manufacturer that a line item has; `manufacturer_id` may be blank, it is generated from the rest.
MAKER: Final = (
    *("manufacturer_id", "manufacturer_contact", "manufacturer_street", "manufacturer_street_2", "manufacturer_city"),
    *("manufacturer_postal_code", "manufacturer_province_code", "manufacturer_country_code", "manufacturer_phone"),
    "manufacturer_email",
)
# Duties can be prepaid with this one, and outside the two countries only.
DUTY_PAID_POSTAGE: Final = "chit_chats_international_tracked"
AT_HOME: Final = frozenset({"CA", "US"})
_EU: Final = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU"),
        *("LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customs:
    """A connection's settings for customs. `vat_reference` is a number, or `EU:…,GB:…` by country."""

    origin_country: str | None = None
    hs_tariff_code: str | None = None
    vat_reference: str = ""
    duties_paid: bool = False
    maker: Mapping[str, str] = field(default_factory=dict)

    def vat_for(self, country: str | None) -> str | None:
        """Return the tax number for parcels to a country; none within Canada and to the US, where none is asked for."""
        if country in AT_HOME or country is None:
            return None
        numbers = _by_country(self.vat_reference)
        return numbers.get(country) or (numbers.get("EU") if country in _EU else None) or numbers.get("*")

    def maker_for(self, country: str | None) -> Mapping[str, str]:
        """Return who made the goods: asked for by duty-paid postage to the United States."""
        return self.maker if country == "US" else {}

    def duties_for(self, country: str | None, postage: str) -> bool | None:
        """Return True where the setting, a country abroad and duty-paid postage come together, else None.

        With None the flag is left out: sent with any other parcel it makes the rates vanish.
        """
        return True if self.duties_paid and country not in AT_HOME and postage == DUTY_PAID_POSTAGE else None


def customs(values: Mapping[str, str]) -> Customs:
    """Return a connection's settings as the mapping takes them."""
    return Customs(
        origin_country=values.get("origin_country"),
        hs_tariff_code=values.get("hs_tariff_code"),
        vat_reference=values.get("vat_reference", ""),
        duties_paid=values.get("duties_paid") == "yes",
        maker={name: values[name] for name in MAKER if values.get(name)},
    )


def check_vat_reference(text: str) -> None:
    """Raise `ValueError` for what is neither a number nor a list of them by country."""
    if not all(re.fullmatch(r"([A-Z]{2}:|\*:)?[A-Za-z0-9 ./-]{2,40}", part) for part in text.split(",")):
        raise ValueError("a number such as IM3720000001, or by country such as EU:IM3720000001,GB:123456789")


def _by_country(text: str) -> dict[str, str]:
    numbers = {}
    for part in filter(None, text.split(",")):
        country, colon, number = part.partition(":")
        numbers[country if colon else "*"] = number if colon else part
    return numbers
