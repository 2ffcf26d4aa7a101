"""All emulators on one port, at the root, so that one base URL serves every vendor."""

import socket
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from types import TracebackType
from typing import Self

from flask import Flask, request
from werkzeug.wrappers import Response

from plugin.sandbox.kit.call import reply
from plugin.sandbox.kit.control import control
from plugin.sandbox.kit.emulator import Emulator
from plugin.sandbox.kit.http_server import Server

_EMULATORS = Path(__file__).parents[1]
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def _installed() -> dict[str, EntryPoint]:
    """Return the emulators of installed packages by name: entry points `NAME = module:emulator`."""
    return {point.name: point for point in entry_points(group="crossdock.sandboxes")}


def _built_in() -> list[str]:
    names = (module.name for module in iter_modules([str(_EMULATORS)]) if module.ispkg)
    return [name for name in names if find_spec(f"plugin.sandbox.{name}.api")]


def available() -> list[str]:
    """Return the name of every emulator there is: each package here with an `api`, and those of installed packages."""
    return sorted({*_built_in(), *_installed()})


def _load(name: str) -> Emulator:
    if name in _built_in():
        emulator = import_module(f"plugin.sandbox.{name}").emulator()
    else:
        emulator = _installed()[name].load()()
    if not isinstance(emulator, Emulator):
        raise TypeError(f"emulator {name}: emulator() must return an Emulator")
    return emulator


class Sandbox:
    """The emulated vendors behind one address, served from daemon threads; no logging, nothing kept on disk.

    `stop()` closes every connection; from then on a call is truly refused. `start()` again serves the same port with
    the same state. The control addresses below `/_sandbox` are described in `_control.py`.
    """

    def __init__(self, names: Sequence[str] | None = None, port: int = 0, host: str = "127.0.0.1") -> None:
        chosen = available() if names is None else list(dict.fromkeys(names))
        if unknown := [name for name in chosen if name not in available()]:
            raise ValueError(f"no emulator named {', '.join(unknown)}; there are: {', '.join(available())}")
        self.emulators: dict[str, Emulator] = {name: _load(name) for name in chosen}
        self.host = host
        self.port = port
        self._unclaimed: deque[str] = deque(maxlen=1000)
        self._app = self._build()
        self._server: Server | None = None
        self._stopped = threading.Event()

    @property
    def base_url(self) -> str:
        """The root address of every vendor; known once started."""
        if not self.port:
            raise RuntimeError("the sandbox has no port yet: start() it first")
        # 0.0.0.0 is where to listen, not where to call.
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"  # noqa: S104

    def start(self) -> Self:
        """Listen and serve in the background. A port in use is an OSError."""
        if self._server is not None:
            return self
        with socket.create_server((self.host, self.port), backlog=512) as listening:
            self.port = listening.getsockname()[1]
            self._server = Server(listening, self._app)
        self._stopped.clear()
        for emulator in self.emulators.values():
            emulator.closing.clear()
            emulator.base_url = self.base_url
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.01,), name=f"sandbox-{self.port}", daemon=True).start()
        return self

    def stop(self) -> None:
        """Refuse new calls, end those being held by a fault, close every connection."""
        server, self._server = self._server, None
        if server is None:
            return
        for emulator in self.emulators.values():
            emulator.closing.set()
        server.shutdown()
        server.server_close()
        server.end_connections()
        self._stopped.set()

    def serve_forever(self) -> None:
        """Serve until Ctrl-C, or until another thread calls `stop()`."""
        self.start()
        try:
            with suppress(KeyboardInterrupt):
                self._stopped.wait()
        finally:
            self.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _build(self) -> Flask:
        app = Flask("sandbox", static_folder=None)
        app.register_blueprint(control(self.emulators, lambda: list(self._unclaimed)))
        app.add_url_rule("/", "root", self._dispatch, methods=_METHODS, defaults={"path": ""})
        app.add_url_rule("/<path:path>", "vendor", self._dispatch, methods=_METHODS)
        app.url_map.merge_slashes = False
        return app

    def _dispatch(self, path: str) -> Response:
        for emulator in self.emulators.values():
            if emulator.owns(f"/{path}"):
                return emulator.answer(request)
        self._unclaimed.append(f"{request.method} {request.path}")
        return reply({"error": f"no emulator here serves {request.path}; there are: {', '.join(self.emulators)}"}, 404)
