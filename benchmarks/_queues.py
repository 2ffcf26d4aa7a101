"""The job queues that delivery is set beside: how each is filled, started, and seen to have finished."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from redis import Redis
from sqlalchemy.engine import make_url

from benchmarks._places import SQLITE
from benchmarks._processes import ROOT, python, run, running
from benchmarks.stacks import orm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks._places import Place

_STACKS = "benchmarks.stacks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every queue is given to do, `count` times: this call."""

    url: str
    body: bytes
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One of them. `commands` are its workers for a number of processes and of calls at once in each."""

    name: str
    needs: str
    given: str
    # How many jobs are a portion: about a second with an answer at once.
    count: int
    module: str
    commands: Callable[[int, int], list[list[str]]]
    # How many calls at once a process makes where answers come at once, and where they take long.
    at_once: int = 1
    most_at_once: int = 1_000
    database: str | None = SQLITE
    is_quick: bool = False

    def is_here(self) -> bool:
        """Whether it is installed."""
        return find_spec(self.needs) is not None

    @contextlib.contextmanager
    def filled(self, at: Place, job: Job) -> Iterator[Callable[[], bool]]:
        """Its jobs wait in Redis, their rows in SQL; yields whether anything is still unfinished."""
        owing = orm.open_engine(at.database_url)
        orm.owe(owing, job.url, job.body, job.count)
        run(python("-m", f"{_STACKS}.{self.module}", "enqueue"), at.folder, at.environment)
        yield lambda: orm.is_unfinished(owing)
        owing.dispose()

    @contextlib.contextmanager
    def working(self, at: Place, job: Job, processes: int, at_once: int) -> Iterator[None]:
        """Its workers."""
        del job
        with contextlib.ExitStack() as stack:
            for command in self.commands(processes, at_once):
                stack.enter_context(running(command, at.folder, at.environment))
            yield


def _celery(processes: int, at_once: int) -> list[list[str]]:
    pool = ("threads", at_once) if at_once > 1 else ("prefork", processes)
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "error")
    command = python(
        "-m", "celery", "-A", f"{_STACKS}.celery_jobs", "worker", "-P", pool[0], "-c", str(pool[1]), *quiet
    )
    return [command]


def _dramatiq(processes: int, at_once: int) -> list[list[str]]:
    counts = ("--processes", str(processes), "--threads", str(at_once))
    return [python("-m", "dramatiq", *counts, f"{_STACKS}.dramatiq_jobs")]


def _rq(kind: str) -> Callable[[int, int], list[list[str]]]:
    return lambda processes, _: [python("-m", f"{_STACKS}.rq_jobs", kind)] * processes


QUEUES = (
    Queue(
        name="RQ Worker",
        needs="rq",
        given="plain RQ, a fork for each job, its code imported before",
        count=15,
        module="rq_jobs",
        commands=_rq("fork"),
        most_at_once=1,
    ),
    Queue(
        name="RQ SimpleWorker",
        needs="rq",
        given="plain RQ without forking",
        count=120,
        module="rq_jobs",
        commands=_rq("simple"),
        most_at_once=1,
        is_quick=True,
    ),
    Queue(
        name="Celery",
        needs="celery",
        given="Redis broker, late acknowledgement, no results, prefetch 32; prefork, threads where calls take long",
        count=200,
        module="celery_jobs",
        commands=_celery,
    ),
    Queue(
        name="dramatiq",
        needs="dramatiq",
        given="Redis broker, 8 threads a process as it is by default, more where calls take long",
        count=200,
        module="dramatiq_jobs",
        commands=_dramatiq,
        at_once=8,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BullMQ:
    """BullMQ on Node.js. Without a `database` its job holds the body and keeps nothing but what Redis keeps."""

    folder: Path
    name: str
    given: str
    database: str | None
    count: int
    at_once: int = 16
    most_at_once: int = 1_000

    @contextlib.contextmanager
    def filled(self, at: Place, job: Job) -> Iterator[Callable[[], bool]]:
        """Its jobs wait in Redis; yields whether anything is still unfinished."""
        if self.database:
            owing = orm.open_engine(at.database_url)
            orm.owe(owing, job.url, job.body, job.count)
            owing.dispose()
        (at.folder / "body.json").write_bytes(job.body)
        run(["node", str(self.folder / "worker.js"), "enqueue", str(job.count)], at.folder, self._environment(at, job))
        with Redis.from_url(at.redis_url) as redis:
            keys = ("bull:deliveries:wait", "bull:deliveries:active")
            yield lambda: any(redis.exists(key) for key in keys)

    @contextlib.contextmanager
    def working(self, at: Place, job: Job, processes: int, at_once: int) -> Iterator[None]:
        """Its workers."""
        command = ["node", str(self.folder / "worker.js"), "work", str(at_once)]
        with contextlib.ExitStack() as stack:
            for _ in range(processes):
                stack.enter_context(running(command, at.folder, self._environment(at, job)))
            yield

    def _environment(self, at: Place, job: Job) -> dict[str, str]:
        own = at.environment | {"SINK_URL": job.url, "BODY_FILE": str(at.folder / "body.json")}
        if not self.database:
            return own
        url = make_url(at.database_url)
        where = {"PGHOST": str(url.query["host"]), "PGPORT": str(url.query["port"])}
        return (
            own
            | where
            | {"PGUSER": url.username or "", "PGPASSWORD": url.password or "", "PGDATABASE": url.database or ""}
        )


@contextlib.contextmanager
def bullmq(kinds: Sequence[str]) -> Iterator[list[BullMQ]]:
    """BullMQ, installed by npm for as long as the context lasts; nothing where Node.js or the registry is missing."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for file in (ROOT / "benchmarks" / "bullmq").iterdir():
            shutil.copy(file, folder)
        yield [_bullmq(folder, kind) for kind in (None, *kinds) if kind != SQLITE] if _install(folder) else []


def _bullmq(folder: Path, kind: str | None) -> BullMQ:
    job = f"the same job on {kind}" if kind else "its job holds the body and keeps nothing in SQL"
    given = f"on Node.js, 16 calls at once a process, more where calls take long; {job}"
    return BullMQ(
        folder=folder,
        name=f"BullMQ {kind}" if kind else "BullMQ without SQL",
        given=given,
        database=kind,
        count=1500 if kind else 3000,
    )


def _install(folder: Path) -> bool:
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
