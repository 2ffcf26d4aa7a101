"""What every emulator has in common: a journal, faults, a rate limit, and one straight line through them.

A package `plugin/sandbox/NAME` has a function `emulator() -> Emulator`; that is all there is to adding one.
"""

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from plugin.sandbox.kit.call import Call, JsonObject, VendorError, reply
from plugin.sandbox.kit.demo import Demo, Received
from plugin.sandbox.kit.faults import Fault, Faults, drop
from plugin.sandbox.kit.journal import Entry, Journal
from plugin.sandbox.kit.sliding_window import Limit, Window

View = Callable[..., Response]
_HTML = "<!DOCTYPE html><html><head><title>Something else</title></head><body><h1>Not what you asked for</h1></body>"


class Route(NamedTuple):
    """One operation: method, path in werkzeug's notation, and what answers it."""

    method: str
    path: str
    view: View


class Vendor(Protocol):
    """What differs from vendor to vendor. Views run one at a time under the emulator's lock.

    A vendor that inherits from this writes `name`, `claims`, `routes`, `state`, `received` and `reset`.
    """

    name: str
    claims: tuple[str, ...]
    """The paths that are this vendor's, with everything below them ("/" is only itself)."""
    limit: Limit | None = None
    demo: Demo = Demo()

    def routes(self) -> Sequence[Route]:
        """Return the vendor's operations."""

    def controls(self) -> Sequence[Route]:
        """Return what a test may do to the vendor's world, below `/_sandbox/NAME`."""
        return ()

    def account(self, call: Call) -> str | None:
        """Return whose rate limit the call counts against; None is nobody's."""
        return call.headers.get("Authorization") or ""

    def admit(self, call: Call) -> str:
        """Check what holds for every operation; return the path to route."""
        if not call.headers.get("Authorization"):
            raise VendorError(401, "Unauthorized")
        return call.path

    def error(self, status: int, message: str) -> JsonObject:
        """Return the vendor's error body."""
        return {"error": {"code": status, "message": message}}

    def state(self, root: str) -> JsonObject:
        """Return what the vendor knows; `root` is the address it is served at."""

    def received(self) -> Received:
        """Return what the vendor has taken, in the form that all emulators share."""

    def configure(self, values: JsonObject) -> JsonObject:
        """Change settings; return all that are no secret. A ValueError names what is wrong."""
        if values:
            raise ValueError(f"settings: {', '.join(values)}: there are none")
        return {}

    def reset(self) -> None:
        """Go back to the first day."""


class _Router:
    def __init__(self, routes: Sequence[Route]) -> None:
        rules = [Rule(route.path, methods=[route.method], endpoint=route.view) for route in routes]
        self._urls = Map(rules, merge_slashes=False).bind("sandbox")

    def run(self, call: Call, path: str) -> Response:
        """Answer `call` by its view. A known path with another method is 404 too: no sheet documents 405."""
        try:
            view, arguments = self._urls.match(path, call.method)
        except HTTPException as error:
            raise VendorError(404, "Not Found") from error
        response: Response = view(call, **arguments)
        return response


class Emulator:
    """A vendor with a journal, faults and a limit in front of it. Safe to use from any thread."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.name = vendor.name
        self.faults = Faults()
        self.journal = Journal()
        self.window = Window(vendor.limit)
        self.base_url = ""
        self.closing = threading.Event()
        self._lock = threading.RLock()
        self._operations = _Router(vendor.routes())
        self._controls = _Router(vendor.controls())

    def owns(self, path: str) -> bool:
        """Tell whether a path is this vendor's."""
        return any(path == claim or (claim != "/" and path.startswith(claim + "/")) for claim in self.vendor.claims)

    def answer(self, request: Request) -> Response:
        """Answer a vendor request: note it, let a fault have it, process it."""
        call = Call.read(request)
        entry = self.journal.note(
            method=call.method, path=call.path, query=call.query, headers=call.logged_headers(), body=call.body
        )
        fault = self.faults.pick(f"{call.method} {call.path}")
        entry.fault = fault.kind if fault else None
        response = self._before(fault, call)
        if response is None:
            response = self._after(fault, call, self._process(call))
        return self._answered(entry, call, response)

    def _answered(self, entry: Entry, call: Call, response: Response) -> Response:
        entry.status = None if call.connection.fileno() == -1 else response.status_code
        return response

    def _before(self, fault: Fault | None, call: Call) -> Response | None:
        if fault is None:
            return None
        if fault.kind == "status":
            return self._failed(fault)
        if fault.kind in {"slow", "timeout_before"}:
            self.closing.wait(fault.seconds)
        if fault.kind in {"refuse_before", "reset_before", "timeout_before"}:
            drop(call.connection, reset=fault.kind == "reset_before")
            return Response()
        return None

    def _failed(self, fault: Fault) -> Response:
        message = f"Injected {fault.status}"
        headers = {} if fault.retry_after is None else {"Retry_After": str(fault.retry_after)}
        response = reply(self.vendor.error(fault.status, message), fault.status, **headers)
        return _garbled(response) if fault.html else response

    def _after(self, fault: Fault | None, call: Call, response: Response) -> Response:
        kind = fault.kind if fault else None
        if fault and kind == "timeout_after":
            self.closing.wait(fault.seconds)
        if kind == "reset_after":
            drop(call.connection, reset=True)
        change = _CHANGES.get(kind or "")
        return change(response) if change else response

    def _process(self, call: Call) -> Response:
        account = self.vendor.account(call)
        wait = None if account is None else self.window.admit(account)
        if wait is not None:
            return reply(self.vendor.error(429, "Too Many Requests"), 429, Retry_After=str(wait))
        try:
            with self._lock:
                return self._operations.run(call, self.vendor.admit(call))
        except VendorError as error:
            return reply(self.vendor.error(error.status, error.message), error.status)

    def control(self, request: Request, path: str) -> Response:
        """Answer one of the vendor's own control addresses."""
        with self._lock:
            return self._controls.run(Call.read(request), path)

    def requests(self) -> list[JsonObject]:
        """Return every request so far, oldest first."""
        return [entry.document() for entry in self.journal.entries()]

    def state(self, root: str | None = None) -> JsonObject:
        """Return what the vendor knows."""
        with self._lock:
            return self.vendor.state(self.base_url if root is None else root)

    def received(self) -> Received:
        """Return what the vendor has taken, in the form that all emulators share."""
        with self._lock:
            return self.vendor.received()

    def configure(self, **values: object) -> JsonObject:
        """Change the vendor's settings; return all that are no secret."""
        with self._lock:
            return self.vendor.configure(values)

    def reset(self) -> None:
        """Forget requests, faults, changed settings and limits, and all the vendor knew."""
        with self._lock:
            self.vendor.reset()
            self.window.set(self.vendor.limit)
            for part in (self.faults, self.journal, self.window):
                part.clear()


def _garbled(response: Response) -> Response:
    response.set_data(_HTML)
    response.content_type = "text/html; charset=utf-8"
    return response


def _cut(response: Response) -> Response:
    whole = response.get_data()
    response.set_data(whole[: len(whole) // 2])
    response.headers["Content-Length"] = str(len(whole))
    return response


def _emptied(response: Response) -> Response:
    return Response(b"", status=response.status_code, content_type=response.content_type)


_CHANGES: dict[str, Callable[[Response], Response]] = {"garbage": _garbled, "cut": _cut, "empty": _emptied}
