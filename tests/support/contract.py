"""What the folder of a destination's tests declares, so that the tests of all destinations need no vendor's name.

`tests/destinations/NAME/contract.py` holds a `CONTRACT`. Each value that a new vendor need not write has a default.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from tests.support.folders import ROOT, TESTS
from tests.support.shop import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from plugin.sandbox import Received
    from plugin.storage.stores import Connection
    from tests.support.shop import Shop

FOLDER = TESTS / "destinations"
# Those of this tree; a vendor in a package of its own brings its own tests.
NAMES = tuple(sorted(path.parent.name for path in (ROOT / "plugin" / "destinations").glob("*/__init__.py")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """How one vendor is tried.

    `call` is the call that must not be doubled, as its emulator writes it down ("METHOD /path"), `action` the step it
    belongs to, and `made` counts what it led to. `settings` connect a shop so that the call can be told from others;
    `secrets` are those of them that nobody may find again in an attempt. `topic` is the webhook that leads to the call.
    """

    call: str
    action: str
    made: Callable[[Received], int]
    settings: Mapping[str, str]
    secrets: Mapping[str, str]
    topic: str = "orders/create"
    order_settings: Mapping[str, str] | None = None
    """Settings with which the webhook `order_topic` of an order alone leads to a call, where others are needed."""
    order_topic: str = "orders/create"
    golden_settings: Mapping[str, str] = field(default_factory=dict)
    """Settings that the samples in `requests/` are made with, besides `settings`."""
    goldens_are_requests: bool = True
    """Whether `requests/` holds whole calls, or bodies alone that the vendor's own tests of its mapping compare."""
    emulator_settings: Mapping[str, object] = field(default_factory=dict)
    """Settings of the emulator with which it refuses a credential of `revoked`, where it takes any otherwise."""
    looks_first: bool = False
    """Whether what the call makes is looked for before the first try, too."""
    after_loss: tuple[int, int] = (1, 1)
    """How often the call is made when its answer is lost or unreadable once, and how often it takes effect."""
    after_emptiness: tuple[int, int] | None = None
    """The same when the answer is a success without a body; as `after_loss` if it is not said."""

    def connect(self, shop: Shop, name: str, **settings: str) -> Connection:
        """Connect the shop to the emulated vendor, with `settings` besides or instead of the contract's."""
        given = {**self.settings, **settings}
        return connect(shop.services, shop.store, name, shop.sandbox.base_url, **given)


def contract_of(name: str) -> Contract:
    """Return what the folder of a destination's tests declares."""
    found: Contract = import_module(f"tests.destinations.{name}.contract").CONTRACT
    return found


def folder_of(name: str) -> Path:
    """Return where the tests and samples of a destination lie."""
    return FOLDER / name
