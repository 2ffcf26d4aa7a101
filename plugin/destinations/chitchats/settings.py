"""The settings of a Chit Chats connection: what an order may lack, and what is a choice."""

from __future__ import annotations

from mappings.destinations.chitchats import customs, enums, rates
from plugin.core import validators
from plugin.core.setting import Setting

_BOOLEAN = validators.one_of("yes", "no")

NEEDS = (
    Setting(
        key="client_id",
        help="the account's number, as in its dashboard's address",
        required=True,
        check=validators.digits,
    ),
    Setting(
        key="token",
        help="an API access token",
        secret=True,
        required=True,
        check=validators.header,
    ),
    Setting(
        key="package_type", help="what parcels are", default="parcel", check=validators.one_of(*enums.PACKAGE_TYPES)
    ),
    Setting(key="size_unit", help="unit of the sizes", default="cm", check=validators.one_of("m", "cm", "in")),
    Setting(key="size_x", help="length of a parcel; the vendor requires it", check=validators.positive),
    Setting(key="size_y", help="width of a parcel; the vendor requires it", check=validators.positive),
    Setting(key="size_z", help="height of a parcel; the vendor requires it", check=validators.positive),
    Setting(key="default_weight_g", help="grams of an order whose lines have no weight", check=validators.positive),
    Setting(
        key="postage_type",
        help="a postage type, `cheapest`, `cheapest_tracked`, `fastest_under:PRICE` in CAD, or such by country as in"
        " `CA:chit_chats_canada_tracked,*:cheapest`; `unknown` only asks for rates",
        default="unknown",
        check=rates.check_rule,
    ),
    Setting(key="ship_date", help="`today` or YYYY-MM-DD", default="today", check=validators.ship_date),
    Setting(key="description", help="contents in words; else the names of the lines"),
    Setting(
        key="package_contents",
        help="kind of contents",
        default="merchandise",
        check=validators.one_of(*enums.PACKAGE_CONTENTS),
    ),
    Setting(key="parcel_g", help="the most grams of one parcel; without it an order is one", check=validators.positive),
    Setting(
        key="address_chars",
        help="characters that a line of an address may have; longer ones go on in the next",
        default="255",
        check=validators.digits,
    ),
    Setting(
        key="script",
        help="`latin` writes names and addresses of other scripts in Latin letters",
        default="as_written",
        check=validators.one_of("as_written", "latin"),
    ),
    Setting(key="origin_country", help="two letters, for lines that name no origin", check=validators.country),
    Setting(key="hs_tariff_code", help="for lines that name none; needed for duty-paid postage to the United States"),
    Setting(
        key="vat_reference",
        help="IOSS or VAT number, or by country such as `EU:IM3720000001,GB:123456789`",
        check=customs.check_vat_reference,
    ),
    Setting(
        key="duties_paid",
        help="`yes` prepays duties with chit_chats_international_tracked; needs vat_reference",
        default="no",
        check=_BOOLEAN,
    ),
    *(
        Setting(
            key=name,
            help="who made the goods; for parcels to the United States",
            check=validators.country if name.endswith("country_code") else str,
        )
        for name in customs.MAKER
    ),
    Setting(key="insurance", help="`yes` asks for insurance", default="no", check=_BOOLEAN),
    Setting(key="signature", help="`yes` asks for a signature", default="no", check=_BOOLEAN),
    Setting(
        key="batch",
        help="`open` puts bought shipments into an open batch, and opens one if there is none",
        default="no",
        check=validators.one_of("no", "open"),
    ),
    Setting(
        key="auto_buy",
        help="`yes` buys the postage at once; it is charged to the account",
        default="no",
        check=_BOOLEAN,
    ),
)
