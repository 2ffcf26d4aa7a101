"""A shipment's life after its creation in the Chit Chats emulator (docs/vendors/chitchats.md §6 to §10)."""

import pytest
import requests

from tests.sandbox.conftest import Api, bought, create, wait_until


def test_only_drafts_are_deleted(chitchats: Api) -> None:
    """A draft is 204 and gone; a paid one is 400 and stays."""
    draft, paid = create(chitchats)["id"], bought(chitchats)["id"]
    gone = chitchats.call("DELETE", f"/shipments/{draft}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert chitchats.call("DELETE", f"/shipments/{paid}").status_code == 400
    assert chitchats.call("GET", "/shipments/count").json() == {"count": 1}


def test_refresh_prices_again(chitchats: Api) -> None:
    """Only what is documented is taken; insurance shows in the rates."""
    shipment_id = create(chitchats)["id"]
    fresh = chitchats.call("PATCH", f"/shipments/{shipment_id}/refresh", json={"insurance_requested": True}).json()
    assert fresh["shipment"]["insurance_fee"] == "0.35"
    assert chitchats.call("PATCH", f"/shipments/{shipment_id}/refresh", json={"weight": 9}).status_code == 400
    media = chitchats.call("PATCH", f"/shipments/{shipment_id}/refresh", json={"media_mail_requested": True})
    assert media.json()["error"]["message"] == "is_media_mail field not supported for Parcel"


def test_buying_takes_its_time(chitchats: Api) -> None:
    """200 says postage_requested; ready comes later, with code and labels, and costs once."""
    chitchats.control("POST", "/chitchats/settings", {"buy_seconds": 0.05})
    shipment = bought(chitchats)
    assert (shipment["status"], shipment["carrier_tracking_code"]) == ("postage_requested", None)
    path = f"/shipments/{shipment['id']}"
    wait_until(lambda: chitchats.call("GET", path).json()["shipment"]["status"] == "ready")
    ready = chitchats.call("GET", path).json()["shipment"]
    assert ready["carrier_tracking_code"]
    assert ready["tracking_events"][0]["type"] == "buy_shipment_postage"
    assert chitchats.call("PATCH", f"{path}/buy").status_code == 400
    account = chitchats.sandbox.emulators["chitchats"].state()["accounts"]["123456"]
    assert (account["credits"], len(account["purchases"])) == ("991.50", 1)


def test_buying_chooses_among_the_rates(chitchats: Api) -> None:
    """A rate not offered cannot be bought, nor none."""
    path = f"/shipments/{create(chitchats, postage_type='unknown')['id']}/buy"
    assert chitchats.call("PATCH", path).json()["error"]["message"] == "Unable to fetch postage rate"
    assert chitchats.call("PATCH", path, json={"postage_type": "usps_express"}).status_code == 400
    shipment = chitchats.call("PATCH", path, json={"postage_type": "chit_chats_select"}).json()["shipment"]
    assert (shipment["status"], shipment["postage_type"]) == ("ready", "chit_chats_select")


@pytest.mark.parametrize(("low_credit", "answered"), [("failed", 200), ("refused", 400)])
def test_too_little_credit(chitchats: Api, low_credit: str, answered: int) -> None:
    """It fails later or at once; nothing is charged, and it can be bought when there is credit."""
    settings = {"credits": "1.00", "low_credit": low_credit}
    chitchats.control("POST", "/chitchats/settings", settings)
    path = f"/shipments/{create(chitchats)['id']}"
    assert chitchats.call("PATCH", f"{path}/buy").status_code == answered
    status = chitchats.call("GET", path).json()["shipment"]["status"]
    assert status == ("postage_purchase_failed" if low_credit == "failed" else "unpaid")
    chitchats.control("POST", "/chitchats/settings", {"credits": "50.00"})
    assert chitchats.call("PATCH", f"{path}/buy").json()["shipment"]["status"] == "ready"


def test_a_refund_voids_once(chitchats: Api) -> None:
    """Not too soon, not twice, not for a draft; the credits come back."""
    chitchats.control("POST", "/chitchats/settings", {"refund_wait_seconds": 60})
    path = f"/shipments/{bought(chitchats)['id']}/refund"
    assert "Resource in use" in chitchats.call("PATCH", path).json()["error"]["message"]
    chitchats.control("POST", "/chitchats/settings", {"refund_wait_seconds": 0})
    assert chitchats.call("PATCH", path).json()["shipment"]["status"] == "voided"
    assert chitchats.call("PATCH", path).status_code == 400
    assert chitchats.call("PATCH", f"/shipments/{create(chitchats)['id']}/refund").status_code == 400
    assert chitchats.sandbox.emulators["chitchats"].state()["accounts"]["123456"]["credits"] == "1000.00"


def test_labels_open_until_they_expire(chitchats: Api) -> None:
    """PNG, ZPL and PDF are served without a token, behind a signature."""
    shipment = bought(chitchats)
    begins = {"png": b"\x89PNG", "zpl": b"^XA", "pdf": b"%PDF"}
    for kind, magic in begins.items():
        url = shipment[f"postage_label_{kind}_url"]
        assert requests.get(url, timeout=5).content.startswith(magic)
        assert (
            requests.get(url.replace(f".{kind}?", f".{'pdf' if kind != 'pdf' else 'png'}?"), timeout=5).status_code
            == 403
        )
    chitchats.control("POST", "/chitchats/settings", {"label_seconds": -2})
    stale = chitchats.call("GET", f"/shipments/{shipment['id']}").json()["shipment"]["postage_label_png_url"]
    assert requests.get(stale, timeout=5).status_code == 403


def test_tracking_moves_on_command(chitchats: Api) -> None:
    """The control address adds events, newest first; public tracking shows them to anybody."""
    shipment = bought(chitchats)
    for status in ("received", "delivered"):
        moved = chitchats.control("POST", f"/chitchats/shipments/{shipment['id']}", {"status": status})
        assert moved.json()["shipment"]["status"] == status
    public = requests.get(f"{shipment['tracking_url']}.json", timeout=5).json()["shipment"]
    assert [event["title"] for event in public["tracking_events"]][:2] == ["Delivered", "Received by Chit Chats"]
    assert requests.get(shipment["tracking_url"], timeout=5).ok
    draft = create(chitchats)["id"]
    assert chitchats.control("POST", f"/chitchats/shipments/{draft}", {"status": "received"}).status_code == 409


def test_batches(chitchats: Api) -> None:
    """Made with a Location and no body; ready shipments go in and out; only an empty one is deleted."""
    made = chitchats.call("POST", "/batches", json={})
    assert (made.status_code, made.content) == (201, b"")
    number = int(made.headers["Location"].rpartition("/")[2])
    ids = {"shipment_ids": [bought(chitchats)["id"]]}
    assert chitchats.call("PATCH", "/shipments/add_to_batch", json={"batch_id": number, **ids}).status_code == 200
    assert chitchats.call("GET", "/shipments/count", params={"batch_id": number}).json() == {"count": 1}
    assert chitchats.call("DELETE", f"/batches/{number}").status_code == 400
    assert chitchats.call("PATCH", "/shipments/remove_from_batch", json=ids).status_code == 200
    assert [one["status"] for one in chitchats.call("GET", "/batches").json()] == ["pending"]
    assert requests.get(chitchats.call("GET", f"/batches/{number}").json()["label_png_url"], timeout=5).ok
    assert chitchats.call("DELETE", f"/batches/{number}").status_code == 204
    assert chitchats.call("GET", "/batches/count").json() == {"count": 0}


def test_returns_are_listed(chitchats: Api) -> None:
    """Empty, until the control address sends something back."""
    assert chitchats.call("GET", "/returns").json() == []
    shipment = bought(chitchats, order_id="A-9")
    chitchats.control("POST", f"/chitchats/returns/{shipment['id']}")
    (one,) = chitchats.call("GET", "/returns", params={"status": "in_transit"}).json()
    assert one["original_shipment"]["order_reference"] == "A-9"
