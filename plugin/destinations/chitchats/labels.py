"""Labels: their addresses are signed and short-lived, so they are read again each time.

See docs/vendors/chitchats.md §5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mappings.destinations import chitchats as mapping
from plugin.core.errors import ConfigError
from plugin.destinations.base import LabelFile, LabelLink
from plugin.destinations.chitchats.calls import path_of, request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugin.core.response import Response
    from plugin.core.step import Booked, Request

# ZPL is text, so whatever is no JSON and begins as one of these is a label.
_STARTS: Final = {
    "pdf": (b"%PDF-", "application/pdf"),
    "png": (b"\x89PNG\r\n\x1a\n", "image/png"),
    "zpl": (b"^XA", "text/plain"),
}


def call(values: Mapping[str, str], booked: Booked) -> Request:
    """Ask for the shipment."""
    return request(values, "GET", path_of(booked.remote_id), repeatable=True)


def read(answer: Response, form: str) -> LabelFile | LabelLink:
    """Read where the label is, or the label itself.

    Raises:
        ConfigError: there is no label in this form.
        PayloadRejected: the answer is neither a shipment nor a label.
    """
    start, media_type = _STARTS[form]
    if answer.body.lstrip()[:8].startswith(start):
        return LabelFile(media_type=media_type, data=answer.body)
    address = mapping.label_address(answer.json, form)
    if address is None:
        there = [name for name in mapping.LABELS if mapping.label_address(answer.json, name)]
        known = f"there is {', '.join(there)}" if there else "it has no label yet: postage has to be bought first"
        raise ConfigError(f"the shipment has no {form} label: {known}")
    return LabelLink(address)
