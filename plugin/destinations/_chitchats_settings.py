"""The settings of a Chit Chats connection: what an order may lack, and what is a choice."""

from __future__ import annotations

from mappings.destinations import _chitchats_customs as customs
from mappings.destinations import _chitchats_rates as rates
from mappings.destinations import _chitchats_terms as terms
from plugin import checks
from plugin.model import Setting

_BOOLEAN = checks.one_of("yes", "no")

NEEDS = (
    Setting(
        key="client_id",
        help="the account's number, as in its dashboard's address",
        required=True,
        check=checks.digits,
    ),
    Setting(
        key="token",
        help="an API access token",
        secret=True,
        required=True,
        check=checks.header,
    ),
    Setting(key="package_type", help="what parcels are", default="parcel", check=checks.one_of(*terms.PACKAGE_TYPES)),
    Setting(key="size_unit", help="unit of the sizes", default="cm", check=checks.one_of("m", "cm", "in")),
    Setting(key="size_x", help="length of a parcel; the vendor requires it", check=checks.positive),
    Setting(key="size_y", help="width of a parcel; the vendor requires it", check=checks.positive),
    Setting(key="size_z", help="height of a parcel; the vendor requires it", check=checks.positive),
    Setting(key="default_weight_g", help="grams of an order whose lines have no weight", check=checks.positive),
    Setting(
        key="postage_type",
        help="a postage type, `cheapest`, `cheapest_tracked`, `fastest_under:PRICE` in CAD, or such by country as in"
        " `CA:chit_chats_canada_tracked,*:cheapest`; `unknown` only asks for rates",
        default="unknown",
        check=rates.check_rule,
    ),
    Setting(key="ship_date", help="`today` or YYYY-MM-DD", default="today", check=checks.ship_date),
    Setting(key="description", help="contents in words; else the names of the lines"),
    Setting(
        key="package_contents",
        help="kind of contents",
        default="merchandise",
        check=checks.one_of(*terms.PACKAGE_CONTENTS),
    ),
    Setting(key="parcel_g", help="the most grams of one parcel; without it an order is one", check=checks.positive),
    Setting(
        key="address_chars",
        help="characters that a line of an address may have; longer ones go on in the next",
        default="255",
        check=checks.digits,
    ),
    Setting(
        key="script",
        help="`latin` writes names and addresses of other scripts in Latin letters",
        default="as_written",
        check=checks.one_of("as_written", "latin"),
    ),
    Setting(key="origin_country", help="two letters, for lines that name no origin", check=checks.country),
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
            check=checks.country if name.endswith("country_code") else str,
        )
        for name in customs.MAKER
    ),
    Setting(key="insurance", help="`yes` asks for insurance", default="no", check=_BOOLEAN),
    Setting(key="signature", help="`yes` asks for a signature", default="no", check=_BOOLEAN),
    Setting(
        key="batch",
        help="`open` puts bought shipments into an open batch, and opens one if there is none",
        default="no",
        check=checks.one_of("no", "open"),
    ),
    Setting(
        key="auto_buy",
        help="`yes` buys the postage at once; it is charged to the account",
        default="no",
        check=_BOOLEAN,
    ),
)
