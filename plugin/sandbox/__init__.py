"""The outside systems Crossdock calls, emulated from `docs/vendors`, for tests, the demo and a laptop.

Nothing here imports the rest of `plugin` or `mappings`: an emulator that shared our reading of a vendor would agree
with our mistakes.
"""

from typing import TYPE_CHECKING

from plugin.sandbox.kit.lazy_names import lazy_names

if TYPE_CHECKING:
    from plugin.sandbox.kit.demo import Demo, Parcel, People, Received, Tracked
    from plugin.sandbox.kit.emulator import Emulator, Vendor
    from plugin.sandbox.kit.faults import Fault
    from plugin.sandbox.kit.sample import EmulatedShop, Sample, emulated_shop, sample
    from plugin.sandbox.kit.server import Sandbox, available
    from plugin.sandbox.kit.sliding_window import Limit
    from plugin.sandbox.kit.story import Cast, Post, Story, cast
    from plugin.sandbox.kit.verdict import Verdict, judge

__all__ = [
    "Cast",
    "Demo",
    "EmulatedShop",
    "Emulator",
    "Fault",
    "Limit",
    "Parcel",
    "People",
    "Post",
    "Received",
    "Sample",
    "Sandbox",
    "Story",
    "Tracked",
    "Vendor",
    "Verdict",
    "available",
    "cast",
    "emulated_shop",
    "judge",
    "sample",
]

# Whoever makes a sample needs no web server.
__getattr__ = lazy_names(
    __name__,
    {
        "kit.demo": ("Demo", "Parcel", "People", "Received", "Tracked"),
        "kit.emulator": ("Emulator", "Vendor"),
        "kit.faults": ("Fault",),
        "kit.sample": ("EmulatedShop", "Sample", "emulated_shop", "sample"),
        "kit.server": ("Sandbox", "available"),
        "kit.sliding_window": ("Limit",),
        "kit.story": ("Cast", "Post", "Story", "cast"),
        "kit.verdict": ("Verdict", "judge"),
    },
)
