"""Ping Network, as its overview and its reference describe it (docs/vendors/pingnetwork.md, cited by section).

The overview names `/v1/customers` and `/v2/customers` and shows no body of theirs. What is answered there is our
choice, as strict as is useful: a misspelt field is refused, and nothing is recognised as a repeat.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from werkzeug.wrappers import Response

from plugin.sandbox.kit.call import Call, JsonObject, VendorError, reply
from plugin.sandbox.kit.checks import Check, check_object, filled, flag, one_of, text
from plugin.sandbox.kit.demo import Demo, Received
from plugin.sandbox.kit.emulator import Emulator, Route
from plugin.sandbox.kit.faults import Fault
from plugin.sandbox.kit.journal import Entry
from plugin.sandbox.kit.settings import changed
from plugin.sandbox.kit.sliding_window import Limit

# "Unknown - do not invent": the real numbers are not known, and these are ours.
_LIMIT = Limit(count=600, seconds=60)
_OVER_LIMIT = 429
_ZONES = ({"name": "United States, east", "code": "us-east"}, {"name": "Germany", "code": "de"})
_CREATED = "2026-11-22T00:00:00.000Z"
# "Errors": the list of codes is not known either.
_CODES = {400: "bad_request", 401: "unauthorized", 404: "not_found", 422: "unprocessable", 429: "rate_limited"}
_CUSTOMER: Mapping[str, Check] = {
    "external_id": filled,
    "email": text,
    "first_name": text,
    "last_name": text,
    "phone": text,
}
_SESSION: Mapping[str, Check] = {"client_id": filled, "connection_type": one_of("vless"), "zone": filled}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`strict` refuses unknown fields."""

    strict: bool = True


class PingNetwork:
    """Every account of Ping Network; they share one set of records, told apart by their tokens."""

    name = "pingnetwork"
    claims: tuple[str, ...] = ("/v1/customers", "/v2/customers", "/customer/v1", "/customer/v2")
    # The sample documents sell access under this article number.
    demo = Demo(
        settings=({"session_skus": "PDF-GLAZE=de"}, {}),
        faults=(
            Fault("status", status=503, match="POST /v2/customers"),
            Fault("reset_after", match="POST /v2/customers", every=2),
        ),
    )

    def __init__(self, limit: Limit | None = _LIMIT) -> None:
        self.limit: Limit | None = limit
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.settings = Settings()
        self.customers: dict[str, JsonObject] = {}
        self.sessions: dict[str, JsonObject] = {}
        self._number = 0

    def routes(self) -> Sequence[Route]:
        """Return the operations of "Endpoints" that are of use here, and the customers of the overview."""
        found = [Route("PATCH", f"/customer/v2/sessions/<ident>/{verb}", view) for verb, view in self._verbs()]
        for version in ("v1", "v2"):
            found += [
                Route("GET", f"/{version}/customers", self.find_customers),
                Route("POST", f"/{version}/customers", self.create_customer),
                Route("GET", f"/{version}/customers/<ident>", self.show_customer),
                Route("PUT", f"/{version}/customers/<ident>", self.change_customer),
                Route("DELETE", f"/{version}/customers/<ident>", self.delete_customer),
                Route("GET", f"/customer/{version}/zones", self.zones),
                Route("POST", f"/customer/{version}/sessions", self.create_session),
                Route("GET", f"/customer/{version}/sessions/<ident>/status", self.show_session),
            ]
        return found

    def _verbs(self) -> Sequence[tuple[str, Any]]:
        return ("pause", self.pause_session), ("resume", self.resume_session)

    def controls(self) -> Sequence[Route]:
        """Return none: the shared control addresses are enough."""
        return ()

    def account(self, call: Call) -> str:
        """Return the token."""
        return call.headers.get("Authorization") or ""

    def admit(self, call: Call) -> str:
        """Check the raw token ("Transport and auth": no `Bearer`) and the content type.

        Any token is good, except none, one with a scheme before it, and those that start with `revoked`.
        """
        token = call.headers.get("Authorization") or ""
        if not token.strip() or " " in token.strip() or token.startswith("revoked"):
            raise VendorError(401, "Authentication failure or invalid token")
        if call.text and not call.is_json():
            raise VendorError(400, "Content-Type must be application/json")
        return call.path

    def error(self, status: int, message: str) -> JsonObject:
        """Return the error object of "Errors and rate limits"."""
        return {"error": {"code": _CODES.get(status, "internal_error"), "message": message}}

    def state(self, root: str) -> JsonObject:  # noqa: ARG002 - the protocol's parameter
        """Return every record and every session, oldest first."""
        return {"customers": list(self.customers.values()), "sessions": list(self.sessions.values())}

    def received(self) -> Received:
        """Return whom there are records of, and whom sessions are open for."""
        return Received(
            customers=[one["external_id"].rpartition(":")[2] for one in self.customers.values()],
            sessions=[one["client_id"].rpartition(":")[2] for one in self.sessions.values()],
        )

    def configure(self, values: JsonObject) -> JsonObject:
        """Change settings."""
        self.settings = changed(self.settings, values)
        return asdict(self.settings)

    def find_customers(self, call: Call) -> Response:
        """Ours: records whose fields are as the query says; an unknown field finds nothing."""
        wanted = call.query.items()
        found = [one for one in self.customers.values() if all(one.get(name) == value for name, value in wanted)]
        return reply({"customers": found})

    def create_customer(self, call: Call) -> Response:
        """Ours: the same customer twice is two records."""
        record = (
            {"id": self._ident("cus")} | self._checked(call, _CUSTOMER, ("external_id",)) | {"created_at": _CREATED}
        )
        self.customers[record["id"]] = record
        return reply(record, 201)

    def show_customer(self, _: Call, ident: str) -> Response:
        """Ours."""
        return reply(_one(self.customers, ident))

    def change_customer(self, call: Call, ident: str) -> Response:
        """Ours: PUT replaces the record."""
        kept = {name: _one(self.customers, ident)[name] for name in ("id", "created_at")}
        self.customers[ident] = kept | self._checked(call, _CUSTOMER, ("external_id",))
        return reply(self.customers[ident])

    def delete_customer(self, _: Call, ident: str) -> Response:
        """Ours; the limits, which can be deleted too, answer 204."""
        _one(self.customers, ident)
        del self.customers[ident]
        return reply(status=204)

    def zones(self, _: Call) -> Response:
        """Return where sessions can be opened."""
        return reply({"zones": list(_ZONES)})

    def create_session(self, call: Call) -> Response:
        """Open a session; only version 2 knows `reusable` and gives a link ("Fields")."""
        newer = call.path.startswith("/customer/v2/")
        known = {**_SESSION, "reusable": flag} if newer else _SESSION
        body = self._checked(call, known, tuple(_SESSION))
        if body["zone"] not in [zone["code"] for zone in _ZONES]:
            raise VendorError(404, "Zone not found")
        ident = self._ident("ses")
        session = {"id": ident, "connection_type": "vless", "zone": body["zone"], "configuration": {}}
        if newer:
            link = f"vless://{ident}@{body['zone']}.example.com:443"
            session |= {"configuration_link": link, "reusable": body.get("reusable", False)}
        session["created_at"] = _CREATED
        self.sessions[ident] = session | {"client_id": body["client_id"], "paused": False}
        return reply(session, 201)

    def show_session(self, _: Call, ident: str) -> Response:
        """Return what is going on in a session."""
        client = _one(self.sessions, ident)["client_id"]
        figures = {"duration": 0, "uploaded_bytes": 0, "downloaded_bytes": 0}
        return reply({"client_id": client, "status": "created"} | figures)

    def pause_session(self, _: Call, ident: str) -> Response:
        """Pause a reusable session."""
        return self._set_paused(ident, paused=True)

    def resume_session(self, _: Call, ident: str) -> Response:
        """Resume it."""
        return self._set_paused(ident, paused=False)

    def _set_paused(self, ident: str, *, paused: bool) -> Response:
        session = _one(self.sessions, ident)
        if not session.get("reusable"):
            # The reference says that only reusable ones can be; how others are refused is not known.
            raise VendorError(400, "Session is not reusable")
        session["paused"] = paused
        return reply({"session_id": ident, "paused": paused})

    def _checked(self, call: Call, fields: Mapping[str, Check], required: Sequence[str]) -> JsonObject:
        body = call.json_object()
        if wrong := check_object(body, fields, required, strict=self.settings.strict):
            raise VendorError(400, wrong)
        return body

    def _ident(self, kind: str) -> str:
        self._number += 1
        return f"{kind}_{self._number:08d}"


def _one(known: Mapping[str, JsonObject], ident: str) -> JsonObject:
    if ident not in known:
        raise VendorError(404, "Resource not found")
    return known[ident]


class _Counted(Emulator):
    """Says on every answer what is left of the limit; no document of the vendor's names `Retry-After`."""

    def _answered(self, entry: Entry, call: Call, response: Response) -> Response:
        if self.window.limit is not None:
            left, wait = self.window.left(self.vendor.account(call) or "")
            response.headers["X-RateLimit-Limit"] = str(self.window.limit.count)
            response.headers["X-RateLimit-Remaining"] = str(left)
            response.headers["X-RateLimit-Reset"] = str(math.ceil(wait))
        if entry.fault is None and response.status_code == _OVER_LIMIT:
            del response.headers["Retry-After"]
        return super()._answered(entry, call, response)


def emulator(limit: Limit | None = _LIMIT) -> Emulator:
    """Return Ping Network."""
    return _Counted(PingNetwork(limit))
