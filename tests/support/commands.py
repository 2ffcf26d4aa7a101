"""Several commands one after the other in one process: `python -m … JSON`, a list of their words.

For trees and packages that the process that tests them can't import. Starting takes longer than the commands do.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from plugin.__main__ import crossdock

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(words: Sequence[str]) -> dict[str, Any]:
    """Return what a command printed, and the error that ended it if any did."""
    done = CliRunner().invoke(crossdock, words)
    return {"status": done.exit_code, "out": done.stdout, "error": str(done.exception or "")}


if __name__ == "__main__":
    sys.stdout.write(json.dumps([run(words) for words in json.loads(sys.argv[1])]))
