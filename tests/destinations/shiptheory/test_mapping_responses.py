"""What Shiptheory answers is read as documented, with any part missing, and never believed further than it goes."""

# ruff: noqa: ANN401  (JSON documents are of any type)

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.canonical.shipment_files import Message
from mappings.destinations.shiptheory import label, offers, response
from mappings.schemas.schema import PayloadRejected
from tests.support.folders import TESTS

EXPIRY = "expiry.expiry_length: Your returns label expiry is not allowed. The label must expire within 30 days"
WRONG_LISTS: tuple[Any, ...] = (None, {}, {"shipments": {}}, {"shipments": [{"status": "Complete"}]})
WRONG_TOKENS: tuple[Any, ...] = (None, [], "", 1, "a\nb", "\u00fc")
WRONG_LABELS: tuple[Any, ...] = (None, {}, {"label": "bm8="}, {"label": "%"})
REPLIES = TESTS / "destinations" / "shiptheory" / "replies"


def reply(name: str) -> Any:
    """Return a documented answer."""
    return json.loads((REPLIES / f"{name}.json").read_text())


def test_a_booking_is_read() -> None:
    """Its carrier's result decides; `success` means nothing."""
    found = response.booking(reply("book_complete"))
    assert (found.is_booked, found.tracking_number, found.carrier) == (True, "1000200030", "DHL")
    assert response.booking({"carrier_result": {"status": "success"}}).is_booked


@pytest.mark.parametrize(
    "answer", [reply("book_duplicate"), {"success": True, "carrier_result": "", "message": ""}, {}, {"success": True}]
)
def test_an_empty_answer_is_known_as_one(answer: Any) -> None:
    """Null, blank, or not there at all."""
    found = response.booking(answer)
    assert (found.is_empty, found.is_booked) == (True, False)


def test_a_message_alone_is_no_booking() -> None:
    """The answer to an increment that is unknown."""
    found = response.booking(reply("book_bad_increment"))
    assert (found.is_empty, found.is_booked, found.message) == (
        False,
        False,
        "Unable to load your Dpd carrier settings",
    )


@pytest.mark.parametrize("answer", [None, [], "Complete", 1])
def test_what_is_no_object_says_nothing(answer: Any) -> None:
    """It is treated as a lost answer."""
    with pytest.raises(PayloadRejected):
        response.booking(answer)
    with pytest.raises(PayloadRejected):
        response.shown(answer, "1042")


def test_a_look_is_read() -> None:
    """Status, both references, tracking, the label's form and the whole history with its times."""
    found = response.shown(reply("view"), "1042")
    assert (found.receipt.remote_id, found.order_ref, found.store) == ("1042", "5871002233557", "demo.myshopify.com")
    assert (found.receipt.status, found.receipt.tracking_number, found.receipt.carrier) == (
        *("Complete", "TT100200300GB", "Royal Mail"),
    )
    assert found.receipt.label_formats == ("pdf",)
    assert found.receipt.messages[2] == Message(
        text="DHL tracking reference received: 1000200031",
        kind="success",
        at=datetime(2026, 11, 24, 14, 43, 6, tzinfo=UTC),
    )


def test_tracking_is_taken_from_the_history_where_only_that_has_it() -> None:
    """The older form of the answer has neither tracking number nor carrier."""
    document = reply("view")
    for key in ("tracking_number", "carrier", "channel_reference_id_3"):
        del document["shipment"][key]
    found = response.shown(document, "1042")
    assert (found.receipt.tracking_number, found.receipt.carrier, found.store) == ("1000200031", "DHL", None)


@pytest.mark.parametrize("part", ["tags", "messages", "label"])
def test_any_part_of_a_look_may_be_missing(part: str) -> None:
    """But the status."""
    document = reply("view")
    del document[part]
    assert response.shown(document, "1042").is_booked
    del document["shipment"]["status"]
    with pytest.raises(PayloadRejected, match="status"):
        response.shown(document, "1042")


@pytest.mark.parametrize(
    ("status", "tracking", "booked", "dead"),
    [
        ("Complete", None, True, False),
        ("Archived", "1", True, False),
        ("Archived", None, False, False),
        ("Print Error", "1", True, False),
        ("Failed", "1", False, True),
        ("Ignored", None, False, True),
        ("Waiting", None, False, False),
        ("Something new", None, False, False),
    ],
)
def test_statuses_mean_what_they_are_documented_to(
    status: str, tracking: str | None, *, booked: bool, dead: bool
) -> None:
    """A tracking number is a carrier's; what failed has none that counts."""
    found = response.shown({"shipment": {"status": status, "tracking_number": tracking}}, "1")
    assert (found.is_booked, found.is_dead) == (booked, dead)


def test_lists_are_read_newest_first() -> None:
    """An entry without a reference could be the one that is looked for, so the whole says nothing then."""
    found = response.listed(reply("list"))
    assert [one.receipt.remote_id for one in found] == ["1042-3", "1042-2", "1042"]
    assert (found[0].order_ref, found[0].store) == ("5871002233557", "demo.myshopify.com")
    assert (found[0].receipt.carrier, found[2].receipt.carrier) == ("Parcelforce", None)
    assert all(one.is_dead for one in found)
    for wrong in WRONG_LISTS:
        with pytest.raises(PayloadRejected):
            response.listed(wrong)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (reply("error_403"), "You do not have access to the requested resource"),
        (
            reply("return_error_expiry"),
            EXPIRY,
        ),
        (
            reply("return_error_not_found"),
            "Unable to find a shipment with the reference '1042' and postcode 'zz9 9zz'",
        ),
        (
            {"message": "Invalid", "code": 400, "error": {"sku": {"unique": "exists"}}},
            "Invalid; sku.unique: exists",
        ),
        ({"error": {}}, None),
        ([], None),
        (None, None),
    ],
)
def test_every_documented_form_of_an_error_is_read(document: Any, said: str | None) -> None:
    """By field and rule, as a text, as an HTTP-level error, or both at once."""
    assert response.refusal(document) == said


def test_a_token_is_read_or_there_is_none() -> None:
    """`data.token`; what would not fit into a header is none."""
    assert response.token(reply("token")) == "invented.token.value"
    for wrong in WRONG_TOKENS:
        assert response.token({"data": {"token": wrong}}) is None
    assert response.token(None) is response.token({}) is response.token({"data": []}) is None


def test_a_return_label_is_a_file_with_its_last_day() -> None:
    """What is no PDF is no label."""
    answer = {"tracking": "ST123456789X", "label": "JVBERi0xLjQK"}
    paper = label.return_label(answer, date(2026, 12, 24))
    assert (paper.data, paper.tracking_number, paper.expires_on) == (b"%PDF-1.4\n", "ST123456789X", date(2026, 12, 24))
    for wrong in WRONG_LABELS:
        with pytest.raises(PayloadRejected):
            label.return_label(wrong, date(2026, 12, 24))


def test_what_an_account_offers_is_read() -> None:
    """Carriers with their services, whether or not increments are told; an account without any is an empty list."""
    two_day = {"carrier": "DPD", "service": "Parcel - Two Day", "id": "38", "increments": "1, 2"}
    assert offers.services(reply("services"))[1] == two_day
    assert offers.return_services(reply("services_incoming"))[0] == {
        "carrier": "DPD",
        "service": "Return to Shop",
        "id": "7",
    }
    rows, more = offers.package_sizes(reply("package_sizes"))
    assert ([row["id"] for row in rows], more) == ([11110, 11120], False)
    assert offers.services({"delivery_services": []}) == []
    assert offers.services({"delivery_services": {"DPD": {"Old": {"id": "1"}}}})[0]["increments"] is None
    for read in (offers.services, offers.return_services, offers.package_sizes):
        with pytest.raises(PayloadRejected):
            read({})


KEYS = st.sampled_from(
    [
        *(
            "success",
            "status",
            "carrier_result",
            "tracking",
            "carrier",
            "message",
            "shipment",
            "messages",
            "label",
            "type",
        ),
        *("created", "channel_reference_id", "channel_reference_id_2", "tracking_number", "shipments", "error", "data"),
        *("token", "delivery_services", "return_services", "package_sizes", "pagination", "id", "shipment_detail"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(document=st.dictionaries(KEYS, JSON) | JSON)
def test_no_answer_breaks_the_reading(document: Any) -> None:
    """Anything that parses is read, or refused in words."""
    for read in (
        response.booking,
        lambda it: response.shown(it, "1"),
        response.listed,
        lambda it: label.return_label(it, date(2026, 12, 24)),
        *(
            response.refusal,
            response.token,
            label.label,
            offers.services,
            offers.return_services,
            offers.package_sizes,
        ),
    ):
        try:
            read(document)
        except PayloadRejected as error:
            said = str(error)
        else:
            said = "shiptheory: read"
        assert said.startswith("shiptheory")
