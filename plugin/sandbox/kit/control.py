"""The addresses below `/_sandbox`: what the emulators were asked, what they know, and what shall go wrong."""

from collections.abc import Callable, Mapping
from dataclasses import asdict

from flask import Blueprint, request
from werkzeug.wrappers import Response

from plugin.sandbox.kit.call import Call, JsonObject, VendorError, reply
from plugin.sandbox.kit.emulator import Emulator
from plugin.sandbox.kit.faults import read_faults
from plugin.sandbox.kit.sliding_window import Limit

Action = Callable[[Emulator, Call], object]


def _requests(emulator: Emulator, _: Call) -> object:
    return emulator.requests()


def _state(emulator: Emulator, call: Call) -> object:
    return emulator.state(call.root)


def _add_faults(emulator: Emulator, call: Call) -> object:
    emulator.faults.add(*read_faults(call.body))
    return _faults(emulator, call)


def _clear_faults(emulator: Emulator, call: Call) -> object:
    emulator.faults.clear()
    return _faults(emulator, call)


def _faults(emulator: Emulator, _: Call) -> object:
    return [asdict(fault) for fault in emulator.faults.waiting()]


def _reset(emulator: Emulator, _: Call) -> object:
    emulator.reset()
    return {}


def _limit(emulator: Emulator, call: Call) -> object:
    emulator.window.set(_read_limit(call.body))
    return call.body or None


def _read_limit(document: object) -> Limit | None:
    if document in (None, ""):  # null, or no body at all
        return None
    if not isinstance(document, dict) or set(document) != {"count", "seconds"}:
        raise ValueError('limits: send {"count": 2000, "seconds": 300}, or null for none')
    if not all(isinstance(value, (int, float)) for value in document.values()):
        raise ValueError("limits: count and seconds must be numbers")
    return Limit(count=int(document["count"]), seconds=float(document["seconds"]))


def _configure(emulator: Emulator, call: Call) -> object:
    return emulator.configure(**call.json_object())


_ACTIONS: Mapping[tuple[str, str], Action] = {
    ("GET", "requests"): _requests,
    ("GET", "state"): _state,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "reset"): _reset,
    ("POST", "limits"): _limit,
    ("POST", "settings"): _configure,
}


def control(emulators: Mapping[str, Emulator], unclaimed: Callable[[], list[str]]) -> Blueprint:
    """Return the control addresses of `emulators`."""
    blueprint = Blueprint("control", __name__, url_prefix="/_sandbox")

    @blueprint.get("")
    def overview() -> Response:
        asked: JsonObject = {name: {"requests": emulator.journal.total} for name, emulator in emulators.items()}
        return reply({"names": list(emulators), "emulators": asked, "unclaimed": unclaimed()})

    @blueprint.route("/<name>/<path:what>", methods=["GET", "POST", "DELETE"])
    def act(name: str, what: str) -> Response:
        if name not in emulators:
            return reply({"error": f"no emulator {name!r}; there are: {', '.join(emulators)}"}, 404)
        return _act(emulators[name], what)

    return blueprint


def _act(emulator: Emulator, what: str) -> Response:
    action = _ACTIONS.get((request.method, what))
    try:
        if action is None:
            return emulator.control(request, f"/{what}")
        return reply(_document(action(emulator, Call.read(request))))
    except VendorError as error:
        return reply({"error": error.message}, error.status)
    except ValueError as error:
        return reply({"error": str(error)}, 400)


def _document(answer: object) -> object:
    return {} if answer is None else answer
