"""chrts, as its public documentation describes it (docs/vendors/chrts.md, cited by section).

The page documents the 200 and 400 bodies only. Everything else answered here, and every refusal of strict mode, is our
choice: what the page calls unknown must not be relied upon, so it is refused.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from werkzeug.wrappers import Response

from plugin.sandbox.kit.call import Call, JsonObject, VendorError, reply
from plugin.sandbox.kit.demo import Demo, People, Received, Tracked
from plugin.sandbox.kit.emulator import Emulator, Route
from plugin.sandbox.kit.faults import Fault
from plugin.sandbox.kit.people import people_of
from plugin.sandbox.kit.settings import changed
from plugin.sandbox.kit.sliding_window import Limit

_KEPT = 100_000
_IDS = ("uid", "userId", "anonymousId")
_NEW_IDS = ("uid", "userId")
_KNOWN_IDS = ("knownUid", "previousId", "anonymousId")
_TRAITS = ("traits", "attributes")
_NO_ID = "Customer UID is required. You can use `uid`, `userId` or `anonymousId` to identify the customer"
_NO_KNOWN_ID = (
    "Known UID is required. You can use `knownUid`, `previousId` or `anonymousId` to identify the known customer UID"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`strict` refuses what the page calls unknown, besides what it says is refused."""

    strict: bool = True


class Chrts:
    """One account of chrts. Nothing is recognised as a repeat: the page documents no de-duplication (§5)."""

    name = "chrts"
    claims: tuple[str, ...] = ("/", "/customer/identify", "/customer/alias", "/event")
    demo = Demo(
        faults=(
            Fault("status", status=503, match="/event/track", every=2),
            Fault("status", status=429, retry_after=1, match="/event/track", every=4),
            Fault("garbage", match="/customer/identify", every=3),
            Fault("reset_before", match="/customer/alias", every=2),
        )
    )

    def __init__(self, limit: Limit | None = None) -> None:
        self.limit: Limit | None = limit
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.settings = Settings()
        self.identifies: deque[JsonObject] = deque(maxlen=_KEPT)
        self.aliases: deque[JsonObject] = deque(maxlen=_KEPT)
        self.events: deque[JsonObject] = deque(maxlen=_KEPT)

    def routes(self) -> Sequence[Route]:
        """Return the three operations of §1, and the address its example of authentication calls."""
        return (
            Route("GET", "/", self.check),
            Route("POST", "/customer/identify", self.identify),
            Route("POST", "/customer/alias", self.alias),
            Route("POST", "/event/track", self.track),
        )

    def controls(self) -> Sequence[Route]:
        """Return none: the shared control addresses are enough."""
        return ()

    def account(self, call: Call) -> str:
        """Return the key: a key belongs to one source (§1)."""
        return call.headers.get("Authorization") or ""

    def admit(self, call: Call) -> str:
        """Check the key and the content type.

        Any key is good, except none and those that start with `revoked`; real ones start with `api_chrts_` (§1).
        """
        scheme, _, key = (call.headers.get("Authorization") or "").partition(" ")
        if scheme != "Bearer" or not key.strip() or key.startswith("revoked"):
            raise VendorError(401, "Unauthorized")
        if call.method == "POST" and not call.is_json():
            raise VendorError(415, "Content-Type must be application/json")
        return call.path

    def error(self, status: int, message: str) -> JsonObject:
        """Return the error form of §2."""
        return {"status": False, "code": status, "message": message}

    def state(self, root: str) -> JsonObject:  # noqa: ARG002 - the protocol's parameter
        """Return what was received: `identified` holds the latest traits of each id, `identifies` every call.

        `people` shows what became of it: ids that aliases joined are one person, whatever came first. Which of them
        chrts keeps is not documented (§3), so they are listed alike.
        """
        return {
            "people": people_of(self.identifies, self.aliases, self.events),
            "identified": {call["id"]: call["traits"] for call in self.identifies},
            "identifies": list(self.identifies),
            "aliases": list(self.aliases),
            "events": list(self.events),
        }

    def received(self) -> Received:
        """Return who was identified and joined, and what was tracked."""
        return Received(
            people=People(
                count=len(people_of(self.identifies, self.aliases, self.events)),
                emails=frozenset(call["traits"]["email"] for call in self.identifies if call["traits"].get("email")),
                aliases=[(call["userId"], call["previousId"]) for call in self.aliases],
                events=[Tracked.of(call["name"], call["properties"]) for call in self.events],
            )
        )

    def configure(self, values: JsonObject) -> JsonObject:
        """Change settings."""
        self.settings = changed(self.settings, values)
        return asdict(self.settings)

    def check(self, _: Call) -> Response:
        """Answer the credentials check; the page does not know its body (§1)."""
        return _done("Authenticated")

    def identify(self, call: Call) -> Response:
        """§2."""
        body = call.json_object()
        customer = self._id(body, _IDS, _NO_ID)
        self._expect_only(body, (*_IDS, *_TRAITS))
        if self.settings.strict and all(name in body for name in _TRAITS):
            raise VendorError(400, "Send `traits` or `attributes`, never both")
        traits = [self._object(body, name) for name in _TRAITS if name in body]
        self.identifies.append({"id": customer, "traits": traits[0] if traits else {}})
        return _done("Customer identified successfully")

    def alias(self, call: Call) -> Response:
        """§3. Which of the two ids survives is not known; they are kept as Segment would name them."""
        body = call.json_object()
        kept = self._id(body, _NEW_IDS, "Customer UID is required. You can use `uid` or `userId`")
        known = self._id(body, _KNOWN_IDS, _NO_KNOWN_ID)
        self._expect_only(body, (*_NEW_IDS, *_KNOWN_IDS))
        self.aliases.append({"userId": kept, "previousId": known})
        return _done("Customer alias set successfully")

    def track(self, call: Call) -> Response:
        """§4: any key besides id, name and properties becomes a property, Segment's envelope included."""
        body = call.json_object()
        customer = self._id(body, _IDS, _NO_ID)
        name = body.get("name")
        if not isinstance(name, str) or not name.strip():
            raise VendorError(400, "Event name is required")
        flat = {key: value for key, value in body.items() if key not in {*_IDS, "name", "properties"}}
        properties = flat | self._object(body, "properties")
        self.events.append({"id": customer, "name": name, "properties": properties})
        return _done("Event tracked successfully")

    def _id(self, body: JsonObject, names: Sequence[str], missing: str) -> str:
        """Return the one id among `names`; the page does not say which of several wins (§2)."""
        given = [body[name] for name in names if body.get(name) not in (None, "")]
        if not given:
            raise VendorError(400, missing)
        if self.settings.strict and sum(name in body for name in names) > 1:
            raise VendorError(400, f"Send only one of {', '.join(names)}")
        if self.settings.strict and not (isinstance(given[0], str) and given[0].strip()):
            raise VendorError(400, f"An id ({', '.join(names)}) must be a non-empty string")
        return str(given[0])

    def _object(self, body: JsonObject, name: str) -> JsonObject:
        value = body.get(name, {})
        if isinstance(value, dict):
            return value
        if self.settings.strict:
            raise VendorError(400, f"`{name}` must be an object")
        return {}

    def _expect_only(self, body: JsonObject, names: Sequence[str]) -> None:
        unknown = sorted(set(body) - set(names))
        if self.settings.strict and unknown:
            raise VendorError(400, f"Unknown field: {', '.join(unknown)}")


def _done(message: str) -> Response:
    return reply({"status": True, "code": 200, "message": message})


def emulator(limit: Limit | None = None) -> Emulator:
    """Return chrts without a limit, since none is published (§5)."""
    return Emulator(Chrts(limit))
