"""Segment and what speaks its language: identify, alias and track, many messages in a call.

Every message carries an id made of the fact (docs/vendors/segment.md §5), so a lost call is simply sent again.
Receivers answer 200 and drop what they dislike later on, hence everything is checked before it leaves.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import TYPE_CHECKING

from mappings.destinations.segment import PRESETS
from plugin.core import validators
from plugin.core.outcome import Deferred
from plugin.core.rates import RateLimit
from plugin.core.setting import Setting, fingerprint
from plugin.core.step import WAIT
from plugin.customer_data import messages, responses, steps
from plugin.destinations.base import Destination, Losable, TellsPeople

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mappings.canonical.document import Document
    from mappings.canonical.history import History
    from mappings.canonical.orders import Topic
    from plugin.core.outcome import Outcome
    from plugin.core.response import Response
    from plugin.core.step import Request, Step, StoreFacts, Work
    from plugin.core.vendor_profile import VendorProfile


def _integrations(text: str) -> None:
    try:
        fits = isinstance(json.loads(text), dict)
    except ValueError:
        fits = False
    if not fits:
        raise ValueError('a JSON object such as {"All": false, "Mixpanel": true}')


class Segment(Destination, TellsPeople, Losable):
    """Messages of one source."""

    name = "segment"
    title = "Segment"
    base_url = "https://api.segment.io"
    # Published as requests (docs/vendors/segment.md §3); more is queued there, or answered 429.
    limits = (RateLimit(1000, 1),)
    needs = (
        Setting(key="write_key", help="the source's write key", secret=True, required=True, check=validators.header),
        Setting(
            key="preset",
            help="the kind of receiver; gives the next six settings their defaults",
            default="segment",
            check=validators.one_of(*PRESETS),
        ),
        *messages.settings("", {}),
        Setting(
            key="namespace",
            help="part of every message's id; give the connection's former account when one source gets a new key",
        ),
        Setting(
            key="integrations",
            help="which of the receiver's own destinations are on, as JSON",
            default="{}",
            check=_integrations,
        ),
        *steps.IDENTITY_SETTINGS,
    )
    public_keys = messages.PLAIN

    def account(self, values: Mapping[str, str]) -> str:
        """Return a fingerprint of the key: one key is one source, and the key itself stays secret."""
        return fingerprint(values["write_key"])

    def warnings(self, values: Mapping[str, str]) -> tuple[str, ...]:
        """Return a warning that only the operator knows the address of a region, or of their own receiver."""
        if values["preset"] == "segment":
            return ("a workspace in the EU needs its own --base-url: events sent to another region never appear",)
        return (f"preset {values['preset']}: --base-url must be your receiver's address, without a path",)

    def profile(self, values: Mapping[str, str]) -> VendorProfile:
        """Many messages in a call, and what some statuses mean."""
        return _wire(values).profile()

    def visitor_attributes(self, values: Mapping[str, str]) -> frozenset[str]:
        """Return the order attributes that hold a visitor's id: the setting `anonymous_id_attributes`."""
        return steps.visitor_attributes(values)

    def plan(
        self, topic: Topic, document: Document, history: History, store: StoreFacts, values: Mapping[str, str]
    ) -> tuple[Step, ...]:
        """Identify, alias and tracks of the document, in that order for one person."""
        line = _wire(values)
        return steps.steps(topic, document, history, store, values, body_of=messages.planner(line, document, store))

    def build_request(self, work: Work) -> Request | Outcome:
        """One message; raises `BodyIncomplete` for one that the receiver would drop."""
        line = _wire(work.settings)
        if work.action == WAIT:
            return steps.end_wait(work, messages.planner(line, steps.document_of(work)[1], work.store))
        return line.request(messages.item(line, work))

    def read_response(self, work: Work, answer: Response) -> Outcome:
        """Return what an answer says of this message; in a 200, too, as far as the receiver's body is known."""
        return responses.outcome(_wire(work.settings), work, answer)

    def on_lost(self, work: Work, losses: int) -> Outcome:
        """Return that the message is sent again: the receiver knows it by its id."""
        del work, losses
        return Deferred.retry("the answer was lost; sent again under the same messageId")


def _wire(values: Mapping[str, str]) -> messages.Wire:
    # Asked for every message, thousands of times a second, with the same few settings.
    return _wire_of(tuple(values.items()))


@functools.lru_cache(256)
def _wire_of(items: tuple[tuple[str, str], ...]) -> messages.Wire:
    values = dict(items)
    found = messages.wire(values, values["write_key"], PRESETS[values["preset"]].defaults())
    integrations = json.loads(values["integrations"])
    return dataclasses.replace(found, namespace=values.get("namespace"), integrations=integrations)


destination = Segment()
