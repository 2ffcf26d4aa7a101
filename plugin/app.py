"""The WSGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rq  # noqa: F401  (so that the first webhook finds it loaded: see `plugin.broker.queue`)
from flask import Flask

from plugin.core import log
from plugin.runtime import crash_points
from plugin.services import Services
from plugin.web.webhooks import pages

if TYPE_CHECKING:
    from plugin.settings import Settings


def create_app(settings: Settings) -> Flask:
    """Build the application of one web process."""
    log.set_up(settings.log_level)
    crash_points.install(settings.die_at)
    app = Flask("crossdock")
    app.extensions["crossdock"] = Services.open(settings)
    app.register_blueprint(pages)
    return app
