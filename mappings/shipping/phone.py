"""Telephone numbers in the form that a vendor wants."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import phonenumbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mappings.canonical.orders import Order


class PhoneForm(StrEnum):
    """How a vendor wants numbers: as they were typed, `+14165550100`, `(416) 555-0100` or `14165550100`."""

    AS_GIVEN = "as_given"
    E164 = "e164"
    NATIONAL = "national"
    DIGITS = "digits"


_FORMATS: Final = {
    PhoneForm.E164: phonenumbers.PhoneNumberFormat.E164,
    PhoneForm.DIGITS: phonenumbers.PhoneNumberFormat.E164,
    PhoneForm.NATIONAL: phonenumbers.PhoneNumberFormat.NATIONAL,
}


def phone_of(order: Order, form: PhoneForm = PhoneForm.AS_GIVEN) -> str | None:
    """Return the buyer's number in a vendor's form: of the address, else of the order, else of the customer."""
    address, customer = order.shipping_address, order.customer
    given = (address.phone if address else None, order.phone, customer.phone if customer else None)
    return phone(given, address.country_code if address else None, form)


def phone(given: Iterable[str | None], country: str | None, form: PhoneForm) -> str | None:
    """Return the first number that a telephone could dial from `country`, in a vendor's form; None if there is none.

    A wrong number is worse than none. Only `AS_GIVEN` takes the first text unread.
    """
    texts = [text for text in given if text]
    if form is PhoneForm.AS_GIVEN:
        return texts[0] if texts else None
    formatted = (_formatted(text, country, form) for text in texts)
    return next((number for number in formatted if number), None)


def _formatted(text: str, country: str | None, form: PhoneForm) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    written = phonenumbers.format_number(number, _FORMATS[form])
    return written.lstrip("+") if form is PhoneForm.DIGITS else written
