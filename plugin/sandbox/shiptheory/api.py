"""Shiptheory REST API v1, as documentation, support and users describe it (docs/vendors/shiptheory.md).

Where the page says unknown, the stricter plausible behaviour is chosen and a comment says the choice is ours.
"""

import threading
from collections.abc import Sequence
from dataclasses import asdict

from werkzeug.wrappers import Response

from plugin.sandbox.kit.call import Call, JsonObject, VendorError, reply
from plugin.sandbox.kit.demo import Demo, Received
from plugin.sandbox.kit.emulator import Emulator, Route
from plugin.sandbox.kit.faults import Fault
from plugin.sandbox.kit.settings import changed
from plugin.sandbox.kit.sliding_window import Limit
from plugin.sandbox.shiptheory.accounts import RETURN_SERVICES, SERVICES, SIZES, Account, Accounts
from plugin.sandbox.shiptheory.lists import listing, paged, search
from plugin.sandbox.shiptheory.rules import Errors, check_booking, check_return
from plugin.sandbox.shiptheory.shipment import COMPLETE, STATUSES, Shipment, label, tracking_number

_TOKEN, _SHIPMENTS = "/v1/token", "/v1/shipments"
_ONE = f"{_SHIPMENTS}/<reference>"


class Shiptheory:
    """Every account of Shiptheory, and the operations that book, look, list and send back."""

    name = "shiptheory"
    claims: tuple[str, ...] = (_TOKEN, _SHIPMENTS, "/v1/returns", "/v1/services", "/v1/packages")
    demo = Demo(
        settings=({"token": "demo-1"}, {"token": "demo-2"}),
        rules={"priority": "1", "rules": [{"name": "Britain", "when": {"country": "GB"}}]},
        countries=frozenset({"GB"}),
        faults=(
            Fault("status", status=503, match="POST /v1/shipments"),
            Fault("reset_after", match="POST /v1/shipments", every=2),
        ),
    )

    def __init__(self, limit: Limit | None = None) -> None:
        # 1 a second (§1); that logging in counts too is the stricter reading.
        self.limit: Limit | None = limit or Limit(count=1, seconds=1.0)
        self.accounts = Accounts()
        self._here = threading.local()

    def reset(self) -> None:
        """Forget every account, token and setting."""
        self.accounts = Accounts()

    def routes(self) -> Sequence[Route]:
        """Return the operations of §2, and the refusals of other methods (§10)."""
        wrong = [Route(method, _ONE, self.not_allowed) for method in ("POST", "PUT", "PATCH", "DELETE")]
        return (
            Route("POST", _TOKEN, self.token),
            Route("POST", _SHIPMENTS, self.book),
            Route("GET", f"{_SHIPMENTS}/list", self.list_them),
            Route("GET", f"{_SHIPMENTS}/search", self.search_them),
            Route("GET", _ONE, self.show),
            *wrong,
            Route("POST", "/v1/returns", self.send_back),
            Route("GET", "/v1/services", lambda _: reply({"delivery_services": SERVICES})),
            Route("GET", "/v1/services/incoming", lambda _: reply({"return_services": RETURN_SERVICES})),
            Route("GET", "/v1/packages/sizes", self.sizes),
        )

    def controls(self) -> Sequence[Route]:
        """Return what a test may do: move a shipment along, delete it as its account's owner may, end tokens."""
        return (
            Route("POST", "/shipments/<reference>", self.advance),
            Route("DELETE", "/shipments/<reference>", self.forget),
            Route("POST", "/expire", self.expire),
        )

    def account(self, call: Call) -> str | None:
        """Return whose call it is by its token, or by its e-mail when it asks for one."""
        self._here.path = call.path
        if call.path == _TOKEN:
            email = call.body.get("email") if isinstance(call.body, dict) else None
            return email if isinstance(email, str) else None
        return self.accounts.owner(call.headers.get("Authorization") or "")

    def admit(self, call: Call) -> str:
        """Check headers and token (§1)."""
        settings = self.accounts.settings
        # The formats are json and xml; this emulator speaks the first.
        if "application/json" not in (call.headers.get("Accept") or ""):
            raise VendorError(406, "You requested a format that isn't json or xml")
        if not call.is_json():
            raise VendorError(400, "Content-Type must be application/json")
        # What leaving it out leads to is not documented: a setting.
        if settings.partner_tag_required and not call.headers.get("Shiptheory-Partner-Tag"):
            raise VendorError(403, "A partner tag is required")
        if call.path != _TOKEN and self.account(call) is None:
            raise VendorError(401, "Your API username, password or API token is invalid")
        if settings.forbidden and call.path != _TOKEN:
            raise VendorError(403, "You do not have access to the requested resource")
        return call.path

    def error(self, status: int, message: str) -> JsonObject:
        """Return the form of HTTP-level errors (§10)."""
        return {"message": message, "url": getattr(self._here, "path", "/v1/"), "code": status}

    def configure(self, values: JsonObject) -> JsonObject:
        """Change settings; passwords and tokens are taken and not shown."""
        self.accounts.settings = changed(self.accounts.settings, values)
        return {
            name: value for name, value in asdict(self.accounts.settings).items() if name not in ("accounts", "tokens")
        }

    def state(self, root: str) -> JsonObject:  # noqa: ARG002 - the protocol's parameter
        """Return every shipment with its account, return labels, the catalogue, and how often somebody logged in."""
        return self.accounts.state()

    def received(self) -> Received:
        """Return every shipment as a parcel; what failed or was left alone costs nothing."""
        return Received(parcels=[one.received() for one in self.accounts.all_shipments()])

    def _of(self, call: Call) -> Account:
        return self.accounts.of(self.account(call) or "")

    def token(self, call: Call) -> Response:
        """Log in."""
        return reply({"success": True, "data": {"token": self.accounts.log_in(call.json_object())}})

    def book(self, call: Call) -> Response:
        """Add and book (§3 to §5): whatever happens, 200 and `success` true."""
        body, account, settings = call.json_object(), self._of(call), self.accounts.settings
        if errors := check_booking(body, strict=settings.strict):
            return self._invalid(errors)
        if body["reference"] in account.used:
            nothing = None if settings.empty == "null" else ""
            return reply({"success": True, "carrier_result": nothing, "message": nothing})
        carrier, service, trouble = self._service(body)
        if trouble and not settings.increment_error_stores:
            return reply({"success": True, "message": trouble})
        shipment = self._made(body, carrier, service)
        account.used.add(shipment.reference)
        account.shipments[shipment.reference] = shipment
        # Side effect (§3): the catalogue's entry of the same SKU is overwritten.
        account.catalogue.update({product["sku"]: product for product in body.get("products", [])})
        return reply({"success": True, "message": trouble} if trouble else shipment.booked())

    def _made(self, body: JsonObject, carrier: str | None, service: str | None) -> Shipment:
        settings = self.accounts.settings
        ruled = {"none": "Ignored", "not_ready": "Not Ready"}.get(settings.rules)
        status = settings.result if carrier or not ruled else ruled
        return Shipment(
            body=body,
            status="Waiting" if body.get("mark_for_approval") else status,
            carrier=carrier or (None if ruled else "DPD"),
            service=service,
            where=settings.tracking,
            looks=settings.label_looks,
            failure=settings.failure,
        )

    def _service(self, body: JsonObject) -> tuple[str | None, str | None, str | None]:
        """Find carrier and service; one that does not exist is as none (§3)."""
        wanted, increment = str(body.get("delivery_service")), str(body.get("increment", 1))
        for carrier, services in SERVICES.items():
            for name, service in services.items():
                if service["id"] == wanted:
                    known = increment in service["courier_increment_ids"]
                    words = f"Unable to load your {carrier.capitalize()} carrier settings"
                    return carrier, name, None if known else words
        return None, None, None

    def _invalid(self, errors: Errors) -> Response:
        # The code is not documented for bookings: a setting.
        return reply({"error": errors}, self.accounts.settings.validation_status)

    def show(self, call: Call, reference: str) -> Response:
        """Return one shipment by the caller's reference; case counts (our choice)."""
        shipment = self._of(call).shipments.get(reference)
        if shipment is None:
            raise VendorError(404, "Not Found")
        return reply(shipment.shown())

    def not_allowed(self, call: Call, reference: str) -> Response:
        """Refuse: nothing can be edited, cancelled or deleted (§2)."""
        raise VendorError(405, f"{call.method} is not allowed for {reference}")

    def list_them(self, call: Call) -> Response:
        """Return a page of all shipments that fit."""
        return reply(listing(call, self._of(call).shipments.values()))

    def search_them(self, call: Call) -> Response:
        """Return the shipments of some days that fit."""
        return reply(search(call, self._of(call).shipments.values(), self.accounts.settings.search_days))

    def send_back(self, call: Call) -> Response:
        """Make a return label (§9): another one each time, kept nowhere but in the answer."""
        body, account = call.json_object(), self._of(call)
        if errors := check_return(body):
            return self._invalid(errors)
        reference, postcode = body["outgoing_reference"], body["delivery_postcode"]
        shipment = account.shipments.get(reference)
        if shipment is None or shipment.status != COMPLETE or shipment.body["recipient"]["postcode"] != postcode:
            words = f"Unable to find a shipment with the reference '{reference}' and postcode '{postcode}'"
            return reply({"error": words}, 404)  # the code is not documented
        known = {str(one["id"]) for services in RETURN_SERVICES.values() for one in services}
        if str(body["return_service"]) not in known:
            return self._invalid({"return_service": {"exists": "This return service does not exist"}})
        tracking = tracking_number("ST")
        account.returns.append({"reference": reference, "tracking": tracking, "expiry": body["expiry"]})
        shipment.say(f"Return label created: {tracking}", "success")
        return reply({"tracking": tracking, "label": label("RETURN", tracking, reference)})

    def sizes(self, call: Call) -> Response:
        """Return a page of the package sizes."""
        when = {"created": "2017-09-12T09:37:37+0000", "modified": "2017-09-12T09:37:37+0000"}
        sortable = ("id", "name", "length", "width", "height", "active")
        return reply(paged(call, [one | when for one in SIZES], "package_sizes", sortable))

    def advance(self, call: Call, reference: str) -> Response:
        """Control: what somebody does in Shiptheory's own pages, or time does."""
        shipment, status = self.accounts.find(reference), call.json_object().get("status")
        if status not in STATUSES:
            raise VendorError(400, f"status must be one of: {', '.join(STATUSES)}")
        shipment.become(status)
        return reply(shipment.document())

    def forget(self, _: Call, reference: str) -> Response:
        """Control: delete a shipment; its reference stays used."""
        self.accounts.find(reference)
        for account in self.accounts.known.values():
            account.shipments.pop(reference, None)
        return reply({})

    def expire(self, _: Call) -> Response:
        """Control: end every token now."""
        self.accounts.expire()
        return reply({})


def emulator(limit: Limit | None = None) -> Emulator:
    """Return Shiptheory. Anybody may log in, until accounts or tokens are configured."""
    return Emulator(Shiptheory(limit))
