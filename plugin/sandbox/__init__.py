"""The outside systems Crossdock calls, emulated from their fact sheets, for tests, the demo and a laptop.

Nothing here imports the rest of `plugin` or `mappings`: an emulator that shared our reading of a vendor would agree
with our mistakes.
"""

from plugin.sandbox._faults import Fault
from plugin.sandbox._window import Limit
from plugin.sandbox.base import Emulator, Vendor
from plugin.sandbox.server import Sandbox, available

__all__ = ["Emulator", "Fault", "Limit", "Sandbox", "Vendor", "available"]
