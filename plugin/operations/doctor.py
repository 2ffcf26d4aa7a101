"""Doctor: what is wrong with an installation. Nothing here changes anything, contacts a vendor or shows a secret."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from redis import RedisError
from rq import Worker
from sqlalchemy.engine import make_url

from plugin import destinations, storefronts
from plugin.broker import queue
from plugin.core.errors import ConfigError, Unavailable
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage import queries
from plugin.storage.migrate import is_current, newest
from plugin.storage.stores import ConnectionState, StoreState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugin.storage.stores import Connection

# A second or two is normal; after this long something that should work does not.
_LATE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: how it is, and what to `do` if it is not as it should be."""

    check: str
    state: Literal["ok", "note", "problem"]
    found: str
    do: str = ""

    def row(self) -> dict[str, str]:
        """Return the finding as JSON or a table shows it."""
        return asdict(self)


def examine_environment() -> list[Finding]:
    """Return what is found with the settings of this environment; wrong ones are the only finding."""
    try:
        settings = Settings.from_env()
    except ConfigError as error:
        return [Finding("settings", "problem", str(error), "set the variable as it says, then run this again")]
    services = Services.open(settings)
    try:
        return examine(services)
    finally:
        services.close()


def examine(services: Services) -> list[Finding]:
    """Return what is found of everything, in the order in which things depend on each other."""
    settings = services.settings
    found = [*_settings(settings), *_app_credentials(settings)]
    schema = _schema(services)
    redis = _redis(services)
    found += [schema, redis]
    if redis.state == "ok":
        found += _worker(services)
    if schema.state == "ok":
        found += [*_work(services), *_stores(services)]
    return found


def _settings(settings: Settings) -> Iterator[Finding]:
    given = settings.environment
    database = make_url(settings.database_url).render_as_string(hide_password=True)
    yield Finding("DATABASE_URL", "ok", f"{database}{_default_mark(settings, 'DATABASE_URL')}")
    address = urlsplit(settings.redis_address)
    shown = f"{address.scheme}://{address.hostname or ''}{address.path}"
    yield Finding("REDIS_URL", "ok", f"{shown} (embedded)" if settings.embedded_redis else shown)
    if given.get("SECRET_KEY"):
        yield Finding("SECRET_KEY", "ok", "set")
    else:
        where = settings.data_dir / "secret.key"
        yield Finding("SECRET_KEY", "note", f"not set; {where} is used", "keep a copy of it: stored secrets need it")
    yield _base_url(settings)
    yield Finding("PORT", "ok", f"{settings.port}{_default_mark(settings, 'PORT')}")
    yield _web_concurrency(settings)
    yield Finding("LOG_LEVEL", "ok", f"{settings.log_level}{_default_mark(settings, 'LOG_LEVEL')}")


def _default_mark(settings: Settings, name: str) -> str:
    return "" if settings.environment.get(name) else " (default)"


def _base_url(settings: Settings) -> Finding:
    shown = f"{settings.base_url}{_default_mark(settings, 'BASE_URL')}"
    if settings.base_url.startswith("https://"):
        return Finding("BASE_URL", "ok", shown)
    return Finding("BASE_URL", "note", f"{shown}: not https", "platforms send webhooks to a public https address only")


def _web_concurrency(settings: Settings) -> Finding:
    shown = f"{settings.web_concurrency}{_default_mark(settings, 'WEB_CONCURRENCY')}"
    if settings.web_concurrency > 1 and settings.database_url.startswith("sqlite"):
        return Finding("WEB_CONCURRENCY", "note", f"{shown}, one is used", "use PostgreSQL for several web processes")
    return Finding("WEB_CONCURRENCY", "ok", shown)


def _app_credentials(settings: Settings) -> Iterator[Finding]:
    for platform in storefronts.names():
        for setting in storefronts.get(platform).needs:
            name = f"{platform.upper()}_{setting.key}"
            value = settings.environment.get(name)
            shown = ("set" if setting.secret else value) if value else "not set"
            yield Finding(name, "ok", f"{shown}: {setting.help}")
        if not storefronts.get(platform).app_secrets(settings.environment):
            yield Finding(f"{platform} app", "note", "no secret of an app is set", "give each store its own --secret")


def _schema(services: Services) -> Finding:
    url = make_url(services.settings.database_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        return Finding("database", "note", f"{url.database} is not there yet", "`crossdock up` makes it")
    try:
        current = is_current(services.database)
    except Unavailable as error:
        return Finding("database", "problem", str(error), "start it, or mend DATABASE_URL")
    if current:
        return Finding("database", "ok", f"reachable, schema {newest()}")
    return Finding("database", "problem", f"the schema is not {newest()}", "run `crossdock migrate`")


def _redis(services: Services) -> Finding:
    try:
        services.redis.ping()
    except RedisError as error:
        if services.settings.embedded_redis:
            return Finding("redis", "note", "the embedded one is not running", "`crossdock up` starts it")
        return Finding("redis", "problem", f"can't be reached: {type(error).__name__}", "start it, or mend REDIS_URL")
    return Finding("redis", "ok", "reachable")


def _worker(services: Services) -> Iterator[Finding]:
    jobs = queue(services.redis)
    alive = Worker.all(queue=jobs)
    if alive:
        yield Finding("worker", "ok", f"{len(alive)} running")
    else:
        yield Finding("worker", "problem", "none is running, so nothing is delivered", "start `crossdock worker`")
    yield Finding("queue", "ok", f"{jobs.count} rounds asked for")


def _work(services: Services) -> Iterator[Finding]:
    counts = queries.counts(services.database)
    yield _backlog(services, counts["events"]["received"])
    due = queries.oldest_due(services.database)
    late = due is not None and datetime.now(UTC) - due > _LATE
    since = f"due since {due.isoformat(timespec='seconds')}" if due else "nothing is due"
    yield Finding("oldest due", "note" if late else "ok", since, "`crossdock status` shows each lane" if late else "")
    for what, state, todo in (
        ("events", "held", "`crossdock events list --state held` says why; `crossdock replay --events --state held`"),
        ("events", "unknown", "`crossdock events list --state unknown` shows them"),
        (
            "deliveries",
            "held",
            "`crossdock deliveries list --state held` says why; then `crossdock replay --state held`",
        ),
        ("deliveries", "failed", "`crossdock deliveries list --state failed`; then `crossdock replay --state failed`"),
    ):
        count = counts[what][state]
        yield Finding(f"{what} {state}", "note" if count else "ok", str(count), todo if count else "")


def _backlog(services: Services, count: int) -> Finding:
    waiting = queries.list_events(services.database, state="received")
    oldest = min((datetime.fromisoformat(row["received_at"]) for row in waiting), default=None)
    if oldest and datetime.now(UTC) - oldest > _LATE:
        return Finding("events unrouted", "problem", f"{count}, the oldest since {oldest}", "is a worker running?")
    return Finding("events unrouted", "ok", str(count))


def _stores(services: Services) -> Iterator[Finding]:
    try:
        stores, connections = services.stores.all(), services.stores.connections()
    except ConfigError as error:
        yield Finding("secrets", "problem", str(error), "set SECRET_KEY as it was")
        return
    active = [store for store in stores if store.state is StoreState.ACTIVE]
    if not active:
        yield Finding("stores", "note", "none", "`crossdock store add PLATFORM ADDRESS --secret S`")
    for store in active:
        name = f"store {store.id}"
        if store.secrets.get("secret") or storefronts.get(store.platform).app_secrets(services.settings.environment):
            yield Finding(name, "ok", f"{store.platform} {store.address}, secret set")
        else:
            again = f"`crossdock store add {store.platform} {store.address} --secret S`"
            yield Finding(name, "problem", f"{store.address} has no secret: every webhook is refused", again)
        if not any(item.store_id == store.id for item in connections):
            connect = f"`crossdock connect DESTINATION --store {store.id}`"
            yield Finding(name, "note", "it is connected to nothing", connect)
    for item in connections:
        yield from _connection(item)


def _connection(item: Connection) -> Iterator[Finding]:
    name = f"connection {item.id}"
    vendor = destinations.get(item.destination)
    again = f"`crossdock connect {item.destination} --store {item.store_id} --set …` with all its settings"
    missing = [one.key for one in vendor.needs if one.required and not item.values.get(one.key)]
    if item.state is ConnectionState.PAUSED:
        yield Finding(name, "problem", f"{item.destination} is paused: {item.reason}", again)
    if missing:
        yield Finding(name, "problem", f"{item.destination} lacks {', '.join(missing)}", again)
        return
    warnings = vendor.warnings(item.values)
    yield from (Finding(name, "note", f"{item.destination}: {text}", again) for text in warnings)
    if not warnings and item.state is ConnectionState.ACTIVE:
        yield Finding(name, "ok", f"{item.destination}, account {item.account}")
