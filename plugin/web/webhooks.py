"""The URLs that the world calls: webhooks, health, readiness and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from redis import RedisError
from werkzeug.exceptions import ClientDisconnected

from plugin.core import log
from plugin.core.errors import ConfigError, Refused, TooLarge, Unavailable
from plugin.storage.migrate import is_current
from plugin.web.metrics import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from plugin.services import Services

LARGEST_BODY = 10_000_000
_CHUNK = 1_000_000

# Made once and given to all, since nobody changes them: making one takes a tenth of a webhook's time.
_STORED = Response('{"status":"stored"}', 200, content_type="application/json")
_STORED_BEFORE = Response('{"status":"stored before"}', 200, content_type="application/json")

pages = Blueprint("pages", __name__)


@pages.post("/webhooks/<platform>")
@pages.post("/webhooks/<platform>/<store_id>")
def webhook(platform: str, store_id: str | None = None) -> ResponseReturnValue:
    """Store a webhook and answer 200; what follows from it happens elsewhere."""
    services = _services()
    is_new = services.receiver.receive(platform, store_id, cast("Mapping[str, str]", request.headers), _body)
    if is_new:
        services.wake_up_thread.soon()
    return _STORED if is_new else _STORED_BEFORE


@pages.get("/healthz")
def health() -> ResponseReturnValue:
    """Answer 200: the process is alive."""
    return jsonify(status="ok")


@pages.get("/readyz")
def ready() -> ResponseReturnValue:
    """Answer 200 when database, schema and Redis can be used, else 503 with what can't; webhooks need no Redis."""
    services = _services()
    found = {"database": _database_state(services), "redis": _redis_state(services)}
    return jsonify(found), 200 if set(found.values()) == {"ok"} else 503


@pages.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Answer with the state of everything, as Prometheus reads it."""
    return page(_services()), 200, {"Content-Type": CONTENT_TYPE_LATEST}


@pages.app_errorhandler(Refused)
def refused(error: Refused) -> ResponseReturnValue:
    """Answer the sender with the least that helps, and log the reason for the operator."""
    log.trouble("refused", path=request.path[:200], status=error.status, reason=str(error))
    return jsonify(error=str(error)), error.status


@pages.app_errorhandler(Unavailable)
def unavailable(error: Unavailable) -> ResponseReturnValue:
    """Answer 503: nothing was stored, so the sender must keep it and come again."""
    log.trouble("not stored", path=request.path[:200], reason=str(error))
    return jsonify(error="try again later"), 503, {"Retry-After": "30"}


@pages.app_errorhandler(ConfigError)
def misconfigured(error: ConfigError) -> ResponseReturnValue:
    """Answer 503: only the operator can mend it, and until then the sender keeps what it has."""
    log.trouble("not stored", path=request.path[:200], reason=str(error))
    return jsonify(error="try again later"), 503, {"Retry-After": "300"}


def _body() -> bytes:
    """Return the whole body, as long as it says it is; raise `TooLarge`, `ClientDisconnected`."""
    length = request.content_length
    if length is None:
        return _body_to_its_end()
    if length > LARGEST_BODY:
        raise TooLarge(f"the body is over {LARGEST_BODY} bytes")
    # The server's own stream: Werkzeug's guard around it would take as long as the signature.
    body, stream = b"", request.environ["wsgi.input"]
    while len(body) < length:
        if not (chunk := stream.read(length - len(body))):
            raise ClientDisconnected
        body += chunk
    return body


def _body_to_its_end() -> bytes:
    # Werkzeug would cut a stream of unknown size at its own limit, and the rest would only look like a bad signature.
    request.max_content_length = None
    body, stream = b"", request.stream
    while chunk := stream.read(_CHUNK):
        body += chunk
        if len(body) > LARGEST_BODY:
            raise TooLarge(f"the body is over {LARGEST_BODY} bytes")
    return body


def _database_state(services: Services) -> str:
    try:
        return "ok" if is_current(services.database) else "the schema is old: run `crossdock migrate`"
    except Unavailable as error:
        return str(error)


def _redis_state(services: Services) -> str:
    try:
        services.redis.ping()
    except RedisError as error:
        return f"Redis can't be reached: {type(error).__name__}"
    return "ok"


def _services() -> Services:
    services: Services = current_app.extensions["crossdock"]
    return services
