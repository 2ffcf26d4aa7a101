"""What Ping Network is sent, and what the settings change in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from mappings.canonical.history import NOTHING_KNOWN
from mappings.canonical.orders import Customer, Order, Topic
from mappings.canonical.receipt import Receipt
from mappings.destinations import pingnetwork as mapping
from mappings.schemas.schema import PayloadRejected
from plugin import destinations
from plugin.core.step import Request, StoreFacts, Work
from plugin.destinations.base import lookup_of
from plugin.destinations.pingnetwork import settings as terms
from tests.support.folders import TESTS
from tests.support.golden import CANONICAL, read

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = TESTS / "destinations" / "pingnetwork"
STORE = StoreFacts(id="s", platform="shopify", address="crossdock-demo.myshopify.com")
VENDOR = destinations.get("pingnetwork")
DEFAULTS = {setting.key: setting.default for setting in VENDOR.needs if setting.default} | {"token": "t"}
SELLING = {"session_skus": "PDF-GLAZE=de,GUIDE-1=us-east"}


def calls_of(path: Path, **settings: str) -> list[dict[str, Any]]:
    """Every call that a canonical sample leads to, the first of each step."""
    topic = Topic(path.stem.partition("__")[0])
    document = read(Customer if topic.value.startswith("customer") else Order, path)
    values = DEFAULTS | settings
    found = []
    for step in VENDOR.plan(topic, document, NOTHING_KNOWN, STORE, values):
        work = Work(
            action=step.action, topic=topic, document=document, store=STORE, settings=values, data=dict(step.data)
        )
        calls = (lookup_of(VENDOR, work), VENDOR.build_request(work))
        found += [_shown(call) for call in calls if isinstance(call, Request)]
    return found


def _shown(call: Request) -> dict[str, Any]:
    return {"method": call.method, "path": call.path, "query": dict(call.query), "body": call.body}


def a_customer() -> Path:
    """Return a sample of a customer."""
    return CANONICAL / "customer_updated__moved.json"


def test_their_names_are_a_setting() -> None:
    """What a record holds, under which names, and where; the id may stand in the path as well as in the query."""
    _, post = calls_of(
        a_customer(),
        customer_fields="ref=id,mail=email,town=city,since=created_at,ok=verified_email",
        customers_path="/customer/{version}/clients",
        version="v1",
    )
    assert post["path"] == "/customer/v1/clients"
    assert set(post["body"]) == {"ref", "mail", "town", "since", "ok"}
    find, _ = calls_of(a_customer(), customer_find="/{version}/clients/{id}")
    assert (find["path"].partition("/clients/")[2][:10], find["query"]) == ("shopify%3A", {})


def test_our_id_is_a_setting() -> None:
    """Bare, for an account that knows one shop only."""
    find, post = calls_of(a_customer(), user_id="customer_id_bare")
    assert find["query"]["external_id"] == post["body"]["external_id"]
    assert post["body"]["external_id"].isdigit()


def test_how_a_record_is_changed_is_a_setting() -> None:
    """The overview says PUT; every update that the reference shows is a PATCH."""
    document = read(Customer, a_customer())
    work = Work(
        action="change",
        topic=Topic.CUSTOMER_UPDATED,
        document=document,
        store=STORE,
        settings=DEFAULTS | {"update_method": "PATCH"},
        data={"remote_id": "c/1"},
    )
    call = VENDOR.build_request(work)
    assert isinstance(call, Request)
    assert (call.method, call.path, call.repeatable) == ("PATCH", "/v2/customers/c%2F1", True)


def test_what_a_shop_does_not_say_is_left_out() -> None:
    """A null might erase what others wrote into the record."""
    body = mapping.customer(Customer(ref="7"), "x", {name: name for name in mapping.CUSTOMER_FIELDS})
    assert body == {"id": "x"}


def test_the_documented_replies_are_read() -> None:
    """The session's id and link, the pause's word."""
    said = json.loads((FOLDER / "replies" / "session_created.json").read_text())
    assert mapping.receipt(said) == Receipt(
        remote_id="0b1f6c52", status="active", tracking_url="vless://0b1f6c52@de.example.com:443"
    )
    older = {name: value for name, value in said.items() if name not in ("configuration_link", "reusable")}
    assert mapping.receipt(older).tracking_url is None
    assert mapping.is_paused(json.loads((FOLDER / "replies" / "session_paused.json").read_text()))


@pytest.mark.parametrize("said", [None, [], "x", {}, {"id": None}, {"id": ""}, {"id": 1.5}])
def test_a_session_without_an_id_is_not_believed(said: object) -> None:
    """It may be open; what can't be named can't be kept."""
    with pytest.raises(PayloadRejected):
        mapping.receipt(said)


WRONG = {
    "version": ("2", "v", "v2/x", "latest", "V2"),
    "customers": ("on",),
    "customers_path": ("customers", "/{id}/customers", "//host/customers", "/customers#x", "/{version!r}", "/{"),
    "customer_find": ("/{version}/customers", "/customers?x={remote_id}", "/customers?x={id:>9}"),
    "customer_path": ("/{version}/customers/{id}", "/customers"),
    "customer_fields": ("id", "email=email", "a=id,b=id", "a=id,x=colour", "a=id,a=email", "=id"),
    "update_method": ("POST",),
    "user_id": ("email",),
    "session_skus": ("VPN", "VPN=", "=de", "A=de,A=us"),
    "session_pause_path": ("/{version}/pause",),
    "session_reusable": ("maybe",),
    "lost_session": ("hold",),
    "token": ("a\nb", "é"),
}
CASES = [(key, value) for key, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("key", "value"), CASES)
def test_a_setting_that_cannot_work_is_refused(key: str, value: str) -> None:
    """Before the first customer arrives, and not by the vendor."""
    (setting,) = (one for one in VENDOR.needs if one.key == key)
    with pytest.raises(ValueError, match=r"."):
        setting.check(value)


@pytest.mark.parametrize("setting", VENDOR.needs, ids=lambda setting: setting.key)
def test_every_default_passes_its_own_check(setting: Any) -> None:  # noqa: ANN401  (a Setting)
    """And so do the examples of the documentation."""
    if setting.default:
        setting.check(setting.default)
    terms.check_skus("VPN-1M=us-east, VPN-12M=de")
    assert terms.pairs("a=b=c, d=e") == {"a=b": "c", "d": "e"}


def test_what_is_open_or_cannot_work_is_said_when_it_is_connected() -> None:
    """That customers are not in the public reference; that some sessions can't be paused; that nothing is asked for."""
    assert "on request" in " ".join(VENDOR.warnings(DEFAULTS))
    assert VENDOR.warnings(DEFAULTS | {"customers": "no"} | SELLING) == ()
    assert "paused" in " ".join(VENDOR.warnings(DEFAULTS | SELLING | {"version": "v1"}))
    assert "nothing" in " ".join(VENDOR.warnings(DEFAULTS | {"customers": "no"}))


def test_an_account_is_counted_by_its_token_without_revealing_it() -> None:
    """Shops that share a token share a lane."""
    one, same, other = (VENDOR.account({"token": token}) for token in ("secret", "secret", "another"))
    assert (one == same, one == other, "secret" in one) == (True, False, False)


def test_every_rule_of_the_document_has_its_test() -> None:
    """The table of rules names no test that is not there."""
    named = set(re.findall(r"`(test_\w+)`", (TESTS.parent / "docs" / "traps-pingnetwork.md").read_text()))
    named -= {"test_destinations_pingnetwork", "test_destinations_pingnetwork_", "test_destinations"}
    there = {name for path in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}
    assert len(named) > 30
    assert named - there == set()
