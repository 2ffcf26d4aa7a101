"""DUMPS: a customer into a record, an order's line into a session.  LOADS: what Ping Network answers.

Sessions are as the vendor's reference shows them (docs/vendors/pingnetwork.md, "Fields"). Of customers the public
documents show only the path, so every name of theirs comes from the connection's settings, and answers are
read as widely as is safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from marshmallow import fields

from mappings.canonical.receipt import Receipt
from mappings.customer_data.properties import timestamp
from mappings.schemas.fields import Flag, Identifier, Text
from mappings.schemas.schema import Inbound, Outbound, PayloadRejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mappings.canonical.orders import Customer

# Ours: the vendor names no states of a session that would tell these apart.
ACTIVE: Final = "active"
PAUSED: Final = "paused"
GONE: Final = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A customer record at the vendor; `ours` is the id that we gave it, `None` where the answer does not say."""

    remote_id: str
    ours: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    id: str
    customer: Customer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Access:
    client_id: str
    zone: str
    reusable: bool | None


class _CustomerSchema(Outbound):
    """Everything that can be told of a customer, under our names; `customer_fields` picks and renames."""

    id = fields.String()
    email = fields.String(attribute="customer.email")
    phone = fields.String(attribute="customer.phone")
    first_name = fields.String(attribute="customer.first_name")
    last_name = fields.String(attribute="customer.last_name")
    state = fields.String(attribute="customer.state")
    currency = fields.String(attribute="customer.currency")
    verified_email = fields.Boolean(attribute="customer.verified_email")
    tax_exempt = fields.Boolean(attribute="customer.tax_exempt")
    created_at = fields.Function(lambda person: _time(person.customer.created_at))
    updated_at = fields.Function(lambda person: _time(person.customer.updated_at))
    company = fields.String(attribute="customer.address.company")
    address1 = fields.String(attribute="customer.address.address1")
    address2 = fields.String(attribute="customer.address.address2")
    city = fields.String(attribute="customer.address.city")
    province = fields.String(attribute="customer.address.province")
    province_code = fields.String(attribute="customer.address.province_code")
    postal_code = fields.String(attribute="customer.address.postal_code")
    country_code = fields.String(attribute="customer.address.country_code")

    def required(self, dumped: Mapping[str, object]) -> list[str]:
        """Ask for the id alone: shops know much of some customers and little of others."""
        del dumped
        return ["id"]


class _SessionSchema(Outbound):
    """The body of `POST …/sessions`; version 1 has no `reusable`."""

    optional = frozenset({"reusable"})

    client_id = fields.String()
    connection_type = fields.Constant("vless")
    zone = fields.String()
    reusable = fields.Boolean()


class _ReceiptSchema(Inbound):
    """A session that was opened; version 1 has no link."""

    into = dict

    remote_id = Identifier(data_key="id", required=True)
    link = Text(data_key="configuration_link", load_default=None)


class _PauseSchema(Inbound):
    """The answer to a pause."""

    into = dict

    paused = Flag(required=True)


class _IdSchema(Inbound):
    """One id, under a name that a setting gives."""

    into = dict

    id = Identifier(required=True)


_CUSTOMER: Final = _CustomerSchema()
_SESSION: Final = _SessionSchema()
_RECEIPT: Final = _ReceiptSchema()
_PAUSE: Final = _PauseSchema()
_ID: Final = _IdSchema()

CUSTOMER_FIELDS: Final = tuple(_CUSTOMER.dump_fields)


def customer(found: Customer, ours: str, names: Mapping[str, str]) -> dict[str, Any]:
    """Give the record of a customer known as `ours`, in the vendor's names (`names` maps theirs to ours).

    What the shop does not say is left out: a null might erase what others wrote into the record.
    """
    said = _CUSTOMER.body(_Person(id=ours, customer=found))
    return {theirs: said[own] for theirs, own in names.items() if own in said}


def session(client_id: str, zone: str, *, reusable: bool | None) -> dict[str, Any]:
    """Give the body that opens a session; `reusable` is None for a version that does not know it."""
    return _SESSION.body(_Access(client_id=client_id, zone=zone, reusable=reusable))


def records(document: object, remote_id_field: str, our_field: str) -> tuple[Record, ...]:
    """Read the answer to a search: a list, a list inside an object, or one record, bare or inside an object.

    Raises:
        PayloadRejected: it is none of these, or one that may be the record that is looked for has no id.
    """
    return tuple(_record(item, remote_id_field, our_field) for item in _listed(document, remote_id_field))


def record(document: object, remote_id_field: str, our_field: str) -> Record:
    """Read the one record of an answer, bare or inside an object.

    Raises:
        PayloadRejected: there is none, or more than one.
    """
    found = records(document, remote_id_field, our_field)
    if len(found) != 1:
        raise PayloadRejected(f"pingnetwork customer: the answer holds {len(found)} records, expected one")
    return found[0]


def receipt(document: object) -> Receipt:
    """Read a session that was opened; its link is kept where a parcel's tracking address is.

    Raises:
        PayloadRejected: it has no id.
    """
    said = _RECEIPT.read(document, "pingnetwork session")
    return Receipt(remote_id=said["remote_id"], status=ACTIVE, tracking_url=said["link"])


def is_paused(document: object) -> bool:
    """Read the answer to a pause.

    Raises:
        PayloadRejected: it does not say.
    """
    paused: bool = _PAUSE.read(document, "pingnetwork pause")["paused"]
    return paused


def _listed(document: object, remote_id_field: str) -> Iterator[object]:
    if isinstance(document, list):
        yield from document
        return
    if not isinstance(document, Mapping):
        raise PayloadRejected("pingnetwork customer: the body is no JSON object or array")
    if remote_id_field in document:
        yield document
        return
    inner = [value for value in document.values() if _holds_records(value, remote_id_field)]
    if len(inner) != 1:
        raise PayloadRejected(f"pingnetwork customer: {remote_id_field}: no record with it, and no list of records")
    yield from inner[0] if isinstance(inner[0], list) else inner


def _holds_records(value: object, remote_id_field: str) -> bool:
    return isinstance(value, list) or (isinstance(value, Mapping) and remote_id_field in value)


def _record(item: object, remote_id_field: str, our_field: str) -> Record:
    if not isinstance(item, Mapping):
        raise PayloadRejected("pingnetwork customer: a record is no JSON object")
    remote_id = _ID.read({"id": item.get(remote_id_field)}, "pingnetwork customer")["id"]
    ours = item.get(our_field)
    return Record(remote_id=remote_id, ours=None if ours is None else str(ours))


def _time(moment: Any) -> str | None:  # noqa: ANN401  (marshmallow hands any value over)
    return None if moment is None else timestamp(moment)
