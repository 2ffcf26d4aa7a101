"""How many examples a property test draws: few in `make test`, the many in `make test-long`."""

import os

_LONG = os.environ.get("TEST_LONG") == "1"


def examples(many: int, few: int) -> int:
    """Return the number of examples to draw: `many` in a long run, else `few`."""
    return many if _LONG else few
