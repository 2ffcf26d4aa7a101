"""Crash points: the places between two effects where a process can be made to die, for tests of what recovers it.

`CROSSDOCK_DIE_AT=NAME` kills a process with SIGKILL as soon as it comes to that point, `NAME:3` the third time. Nothing
is wrapped while the variable is not set. What is on disk at each point and what recovers it: docs/crash-windows.md.
"""

from __future__ import annotations

import functools
import itertools
import os
import signal
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from plugin.core import log
from plugin.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Point:
    """Just before or just after one function of ours, which `target` names as MODULE:ATTRIBUTE."""

    name: str
    target: str
    before: bool = False


_POINTS = (
    # Web.
    Point("receive.verified", "plugin.storage.inbox:Inbox.put", before=True),
    Point("receive.committed", "plugin.storage.inbox:Inbox.put"),
    Point("receive.stored", "plugin.intake.receive:Receiver.receive"),
    # Web, worker and clock, whoever wakes.
    Point("wake_up.missing", "plugin.broker:WakeUp.send", before=True),
    Point("wake_up.set", "plugin.broker:WakeUp._enqueue", before=True),
    Point("wake_up.enqueued", "plugin.broker:WakeUp._enqueue"),
    # Worker: the round.
    Point("round.taken", "plugin.broker:WakeUp.clear", before=True),
    Point("round.answered", "plugin.broker:WakeUp.clear"),
    Point("route.taken", "plugin.storage.inbox:take"),
    Point("route.planned", "plugin.storage.plans:plan"),
    Point("route.committed", "plugin.delivery.round:route_due"),
    Point("lease.taken", "plugin.storage.ledger:Ledger.lease_each"),
    Point("lease.committed", "plugin.delivery.prepare:Preparer.prepare", before=True),
    Point("slot.claimed", "plugin.delivery.lanes:Lane.pack"),
    Point("intent.committed", "plugin.delivery.dispatch:Dispatcher._enqueue", before=True),
    Point("call.sent", "plugin.transport.connection:HttpConnection.read_answer", before=True),
    Point("call.answered", "plugin.transport.call:InFlightCall.finish"),
    Point("slot.stamped", "plugin.limiter.redis_limiter:RedisLimiter.finish"),
    Point("block.missing", "plugin.limiter.redis_limiter:RedisLimiter.block", before=True),
    Point("record.settled", "plugin.storage.ledger:Ledger.settle_all"),
    Point("record.shipment", "plugin.storage.shipments:keep"),
    Point("record.planned", "plugin.delivery.record:Recorder._plan_next"),
    Point("record.committed", "plugin.delivery.record:Recorder.pause_refused", before=True),
    Point("pause.missing", "plugin.storage.stores:Stores.pause", before=True),
)
POINTS = {point.name: point for point in _POINTS}
_installed: set[str] = set()


def install(wanted: str | None) -> None:
    """Have this process, and those it forks, die at `NAME` or `NAME:COUNT`; None changes nothing.

    Raises:
        ConfigError: there is no such point.
    """
    if wanted is None or wanted in _installed:
        return
    name, _, count = wanted.partition(":")
    if name not in POINTS or not (count or "1").isdecimal():
        raise ConfigError(f"CROSSDOCK_DIE_AT={wanted!r} is not NAME or NAME:COUNT with one of {', '.join(POINTS)}")
    point = POINTS[name]
    owner, attribute = _owner(point.target)
    setattr(owner, attribute, _dying(getattr(owner, attribute), point, int(count or "1")))
    _installed.add(wanted)


def _owner(target: str) -> tuple[Any, str]:
    module, _, path = target.partition(":")
    *outer, attribute = path.split(".")
    return functools.reduce(getattr, outer, import_module(module)), attribute


def _dying(original: Callable[..., object], point: Point, count: int) -> Callable[..., object]:
    passes = itertools.count(1)

    @functools.wraps(original)
    def passed(*arguments: object, **options: object) -> object:
        if not point.before:
            result = original(*arguments, **options)
            _die_if(next(passes) == count, point)
            return result
        _die_if(next(passes) == count, point)
        return original(*arguments, **options)

    return passed


def _die_if(is_due: bool, point: Point) -> None:  # noqa: FBT001  (a condition)
    if is_due:
        log.trouble("dies on purpose", point=point.name, process=os.getpid())
        os.kill(os.getpid(), signal.SIGKILL)
