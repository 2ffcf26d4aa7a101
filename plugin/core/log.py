"""The log, JSON lines on standard error: ids, names, states and counts, never a body, an address or a secret."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_logger = logging.getLogger("crossdock")


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "step": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            # The frames say where a fault is; the message of an exception may quote data, so it stays out.
            line["trace"] = _frames(record)
            line["error"] = record.exc_info[0].__name__ if record.exc_info[0] else None
        return json.dumps(line, default=str, ensure_ascii=False)


def _frames(record: logging.LogRecord) -> list[str]:
    trace = record.exc_info[2] if record.exc_info else None
    frames = []
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    return frames


def set_up(level: str) -> None:
    """Write our lines at `level` and above; what libraries say is shown from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _logger.setLevel(level)


def tells_steps() -> bool:
    """Return whether `step` writes anything, for whoever takes thousands of them a second."""
    return _logger.isEnabledFor(logging.INFO)


def step(name: str, /, **facts: object) -> None:
    """Write that one step was taken."""
    if tells_steps():
        _logger.info(name, extra={"facts": facts})


def trouble(name: str, /, **facts: object) -> None:
    """Write that something needs a person sooner or later."""
    _logger.warning(name, extra={"facts": facts})


def fault(name: str, /, **facts: object) -> None:
    """Write that we have a bug, with the trace of the exception that is being handled."""
    _logger.error(name, extra={"facts": facts})
