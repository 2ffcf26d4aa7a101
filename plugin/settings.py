"""The settings of a process, read from the environment nowhere else."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from plugin.core.errors import ConfigError
from plugin.core.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_DATABASE = "sqlite:///var/crossdock.db"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
# A Unix socket's address holds 108 bytes on Linux and 104 on macOS.
_LONGEST_SOCKET = 100
# Redis clients put the path into a URL and read it back from lists separated by blanks.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")
_LARGEST_PORT = 65_535

VARIABLES = (
    Setting(
        key="DATABASE_URL",
        help="the database: PostgreSQL on a server; `postgres://` is understood",
        default=DEFAULT_DATABASE,
        secret=True,
    ),
    Setting(
        key="REDIS_URL",
        help="the Redis; without it `crossdock up` runs one of its own on a Unix socket beside the SQLite file",
        secret=True,
    ),
    Setting(
        key="SECRET_KEY",
        help="encrypts stored secrets; several with commas, newest first; must be set when `BASE_URL` is `https`, "
        "else it is made once and kept in `secret.key` beside the SQLite file",
        secret=True,
    ),
    Setting(
        key="BASE_URL",
        help="the address under which the world reaches Crossdock",
        default="http://127.0.0.1:PORT",
    ),
    Setting(key="PORT", help="where the web process listens", default="8000"),
    Setting(
        key="WEB_CONCURRENCY",
        help="web processes, on Linux each on a core of its own as far as there are cores; with SQLite always one",
        default="1",
    ),
    Setting(
        key="LOG_LEVEL",
        help="`DEBUG`, `INFO`, `WARNING` or `ERROR`; the log is one JSON line for each step, without personal data",
        default="INFO",
    ),
    Setting(
        key="CROSSDOCK_DIE_AT",
        help="for tests of crashes only: the point at which a process kills itself (docs/crash-windows.md)",
    ),
)
"""Every variable that `Settings.from_env` reads; those of a platform's app are declared by its storefront."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this process was set up. Secrets are left out of its `repr`."""

    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    base_url: str
    port: int
    web_concurrency: int
    log_level: str
    data_dir: Path
    # For tests of crashes alone: see `plugin.runtime.crash_points`.
    die_at: str | None
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the environment's settings, checked; raise `ConfigError` naming the wrong variable and what to do."""
        env = os.environ if environment is None else environment
        database_url = _database_url(env.get("DATABASE_URL") or DEFAULT_DATABASE)
        port = _whole_number(env, "PORT", 8000)
        if port > _LARGEST_PORT:
            raise ConfigError(f"PORT={port} is no port: set it to a number up to {_LARGEST_PORT}")
        base_url = (env.get("BASE_URL") or f"http://127.0.0.1:{port}").rstrip("/")
        data_dir = _data_dir(database_url)
        return cls(
            database_url=database_url,
            redis_url=_redis_url(env.get("REDIS_URL") or None),
            secret_keys=_secret_keys(env.get("SECRET_KEY", ""), base_url, data_dir),
            base_url=base_url,
            port=port,
            web_concurrency=_whole_number(env, "WEB_CONCURRENCY", 1),
            log_level=_log_level(env.get("LOG_LEVEL") or "INFO"),
            data_dir=data_dir,
            die_at=env.get("CROSSDOCK_DIE_AT") or None,
            environment=dict(env),
        )

    @property
    def embedded_redis(self) -> bool:
        """Whether no `REDIS_URL` was given, so that `crossdock up` starts a Redis of its own."""
        return self.redis_url is None

    @property
    def redis_socket(self) -> Path:
        """The embedded Redis's socket: beside the database, or in the temporary folder if that path is too long."""
        beside = self.data_dir.resolve() / "redis.sock"
        if len(str(beside).encode()) <= _LONGEST_SOCKET and _PLAIN_PATH.fullmatch(str(beside)):
            return beside
        name = hashlib.sha256(str(beside).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"crossdock-{name}.sock"

    @property
    def redis_address(self) -> str:
        """The address of the Redis to use: `REDIS_URL`, or the embedded one's socket whether or not it is running."""
        return self.redis_url or f"unix://{self.redis_socket}"


def _database_url(text: str) -> str:
    # Heroku and others still hand out the scheme that SQLAlchemy 1.4 dropped.
    for scheme in ("postgres://", "postgresql://"):
        if text.startswith(scheme):
            text = "postgresql+psycopg://" + text.removeprefix(scheme)
    text = re.sub(r"^postgresql\+\w+:", "postgresql+psycopg:", text)
    try:
        backend = make_url(text).get_backend_name()
    except ArgumentError:
        raise ConfigError("DATABASE_URL is not a URL: write sqlite:///PATH or postgresql://…") from None
    if backend not in ("sqlite", "postgresql"):
        raise ConfigError(f"DATABASE_URL names {backend!r}: use sqlite:///PATH or postgresql://…")
    return text


def _redis_url(text: str | None) -> str | None:
    if text is not None and not text.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigError("REDIS_URL is not a URL: write redis://HOST:6379, rediss://… or unix:///PATH")
    return text


def _data_dir(database_url: str) -> Path:
    """Return the folder for what this machine keeps outside SQL: that of the SQLite file, else `var`."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return Path(url.database).parent
    return Path("var")


def _secret_keys(text: str, base_url: str, data_dir: Path) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if keys:
        return keys
    if urlsplit(base_url).scheme == "https":
        raise ConfigError(
            "SECRET_KEY is not set, and BASE_URL is https: set it to a long random text, for example the output of "
            "`openssl rand -base64 32`; it encrypts every stored secret"
        )
    return (_stored_key(data_dir / "secret.key"),)


def _stored_key(path: Path) -> str:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read_key(path)
    except OSError as error:
        raise ConfigError(
            f"{path.parent} can't be written ({error.strerror}): set DATABASE_URL or SECRET_KEY"
        ) from None
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(32))
    return _read_key(path)


def _read_key(path: Path) -> str:
    key = path.read_text().strip()
    if not key:
        raise ConfigError(f"{path} is empty: restore it, or set SECRET_KEY; it encrypts every stored secret")
    return key


def _whole_number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{name}={text!r} is not a whole number above 0")
    return int(text)


def _log_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ConfigError(f"LOG_LEVEL={text!r} is not one of {', '.join(LOG_LEVELS)}")
    return text.upper()
