"""One order through the whole line to one emulated destination, as a process of its own: `python -m … NAME`.

For vendors that the process that tests them can't import. The environment says where database and Redis are.
"""

from __future__ import annotations

import json
import os
import sys

from plugin.app import create_app
from plugin.sandbox import Sandbox
from plugin.services import Services
from plugin.settings import Settings
from plugin.storage.migrate import migrate
from tests.support.running_line import work_off
from tests.support.shop import ADDRESS, SECRET, connect, headers, sent


def received(name: str) -> list[str]:
    """Return the ids of the orders that the emulator of this name has in the end."""
    services = Services.open(Settings.from_env(dict(os.environ)))
    migrate(services.database)
    app = create_app(services.settings)
    with Sandbox([name]) as sandbox:
        store = services.stores.add("shopify", ADDRESS, {"secret": SECRET}, None)
        connect(services, store, name, sandbox.base_url, token="a-token")
        raw = json.dumps(sent("orders_create")).encode()
        app.test_client().post("/webhooks/shopify", data=raw, headers=headers(raw, "orders/create", "w"))
        work_off(services)
        found = sandbox.emulators[name].received().orders
    app.extensions["crossdock"].close()
    services.close()
    return list(found or ())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(received(sys.argv[1])))
