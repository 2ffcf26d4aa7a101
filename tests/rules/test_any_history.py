"""Whatever happens to an order: one live booking at most, and none for a cancelled one unless a person is shown why.

The real line on SQLite and the embedded Redis, with two accounts of emulated vendors over sockets: both at Chit Chats,
which takes bookings back, or one at Shiptheory, which never does.
"""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from plugin.delivery.round import Worker
from plugin.operations import replay
from plugin.sandbox import Fault
from plugin.storage import queries
from tests.support.carriers import Carriers, rules
from tests.support.examples import examples
from tests.support.running_line import ONE_TURN, hurry, owed, work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from plugin.sandbox import Emulator, Sandbox
    from plugin.services import Services
    from tests.conftest import Backend


# Both take most orders; which one does depends on tags, payment and what was heard.
ONE = rules(
    {"name": "rush", "when": {"tags": "rush"}},
    {"name": "paid", "when": {"financial_status": "paid"}, "unless": {"tags": "slow"}, "hold_minutes": "10"},
    priority="1",
)
TWO = rules({"name": "late", "topics": ["order_updated", "order_paid"]}, {"name": "rest", "unless": {"tags": "never"}})
BUYING = {"auto_buy": "yes", "postage_type": "chit_chats_canada_tracked"}
TAGS = st.sampled_from(["", "rush", "slow", "never", "rush, slow"])
CALLS = {
    "chitchats": ["POST /api/v1/clients/1/shipments", "POST /api/v1/clients/2/shipments", "DELETE", "/buy", "GET"],
    "shiptheory": ["POST /v1/shipments", "GET /v1/shipments"],
}
UNLIMITED = "100000/1s"
RARELY = st.integers(0, 3).map(lambda number: number == 3)
LOST = ["reset_after", "garbage", "cut", "empty", "reset_before", "status"]
numbers = itertools.count(6_000_000_000_001)


class Story(RuleBasedStateMachine):
    """One order, from the first that is heard of it until nothing moves any more."""

    carriers: ClassVar[Carriers]
    worker: ClassVar[Worker]

    @initialize(buys=st.booleans(), late=RARELY, tags=TAGS)
    def open_shop(self, *, buys: bool, late: bool, tags: str) -> None:
        """Open a shop with a new order; the first account buys postage at once, or only makes drafts."""
        number = next(numbers)
        known = {"id": number, "name": f"#{number}", "financial_status": "pending", "tags": tags}
        self.document: dict[str, Any] = sent("orders_create") | known
        self.ref = str(self.document["id"])
        self.clock = datetime(2026, 11, 20, 16, tzinfo=UTC)
        self.sent: list[tuple[str, dict[str, Any], str]] = []
        self.delayed: list[tuple[str, dict[str, Any], str]] = []
        # The vendors' pauses and their limits would be waited for in real time.
        self.emulators["chitchats"].configure(buy_seconds=0, refund_wait_seconds=0)
        for emulator in self.emulators.values():
            emulator.window.set(None)
        self.carriers.connect("one", None, rate=UNLIMITED, **(BUYING if buys else {}))
        self.tell("orders/create", late=late)

    def tell(self, topic: str, *, late: bool, **changes: Any) -> None:  # noqa: ANN401  (any JSON value)
        """Change the order; a webhook about it arrives at once or is on its way for a while."""
        self.clock += timedelta(minutes=1)
        self.document = self.document | {"updated_at": self.clock.isoformat()} | changes
        self.delayed.append((topic, dict(self.document), f"{self.ref}-{len(self.sent) + len(self.delayed)}"))
        if not late:
            self.arrive(-1)

    @precondition(lambda self: self.delayed)
    @rule(place=st.integers(0, 5))
    def arrive(self, place: int) -> None:
        """Let one of the webhooks arrive that are on their way; they overtake each other."""
        chosen = self.delayed.pop(place % len(self.delayed))
        self.sent.append(chosen)
        self.post(chosen)

    @precondition(lambda self: self.sent)
    @rule(place=st.integers(0, 5), anew=st.booleans())
    def redeliver(self, *, place: int, anew: bool) -> None:
        """Deliver one that arrived again, as the same webhook or under another id."""
        topic, document, name = self.sent[place % len(self.sent)]
        self.post((topic, document, f"{name} again {next(numbers)}" if anew else name))

    @rule(tags=TAGS, late=RARELY)
    def edit(self, *, tags: str, late: bool) -> None:
        """Change the tags, on which rules depend."""
        self.tell("orders/updated", late=late, tags=tags)

    @rule(street=st.sampled_from(["1 Old Street", "2 New Street"]), late=RARELY)
    def readdress(self, *, street: str, late: bool) -> None:
        """Change where the buyer wants it, which no rule asks for."""
        address = self.document["shipping_address"] | {"address1": street}
        self.tell("orders/updated", late=late, shipping_address=address)

    @rule(late=RARELY)
    def pay(self, *, late: bool) -> None:
        """Pay for the order."""
        self.tell("orders/paid", late=late, financial_status="paid")

    @rule(status=st.sampled_from(["refunded", "partially_refunded"]), late=RARELY)
    def refund(self, *, status: str, late: bool) -> None:
        """Refund all of it, or some."""
        self.tell("orders/updated", late=late, financial_status=status)

    @precondition(lambda self: self.document["cancelled_at"] is None)
    @rule(late=RARELY)
    def cancel(self, *, late: bool) -> None:
        """Cancel for good; whatever comes after it is about a cancelled order."""
        self.tell("orders/cancelled", late=late, cancelled_at=self.clock.isoformat(), cancel_reason="customer")

    @rule(kind=st.sampled_from(LOST), vendor=st.sampled_from(sorted(CALLS)), place=st.integers(0, 4))
    def go_wrong(self, kind: Any, vendor: str, place: int) -> None:  # noqa: ANN401  (a kind of fault)
        """Have the next such call or its answer lost."""
        vendor = vendor if vendor in self.emulators else "chitchats"
        calls = CALLS[vendor]
        self.emulators[vendor].faults.add(Fault(kind, match=calls[place % len(calls)]))

    @rule()
    def look(self) -> None:
        """Let a worker look once at what is due now."""
        self.worker.round(ONE_TURN)

    @rule(times=st.integers(1, 6))
    def work(self, times: int) -> None:
        """Let a worker look a few times, and the pauses in between pass."""
        for _ in range(times):
            hurry(self.carriers.shop.services)
            self.worker.round(ONE_TURN)

    @rule()
    def replay(self) -> None:
        """Have everything done again that came to rest."""
        found = [row["id"] for row in self.rows() if row["state"] in replay.AT_REST]
        replay.replay_deliveries(self.carriers.shop.services.database, found)

    @invariant()
    def never_two(self) -> None:
        """Check at the vendor that there are never two bookings, after every step."""
        assert len(self.live()) <= 1

    def teardown(self) -> None:
        """Let everything arrive and be worked off; then check the balance."""
        if not hasattr(self, "ref"):
            return
        while self.delayed:
            self.arrive(0)
        for emulator in self.emulators.values():
            emulator.faults.clear()
        work_off(self.carriers.shop.services)
        self.balance()
        self.replay()
        work_off(self.carriers.shop.services)
        self.balance()
        for emulator in self.emulators.values():
            emulator.reset()

    def balance(self) -> None:
        """Check what rests: one booking at most, and a reason shown where there is one that should not be."""
        live = self.live()
        raised = [row["reason"] for row in self.rows() if row["state"] in ("held", "failed")]
        assert len(live) <= 1
        assert all(raised)
        if self.document["cancelled_at"] is not None:
            assert not live or raised
        elif not raised:
            self.is_where_it_belongs(live)

    def is_where_it_belongs(self, live: list[str]) -> None:
        """Check that it is booked where the first matching rule says, to where it is wanted, if nothing was held."""
        wanted = self.document["shipping_address"]["address1"]
        assert {street for _, street in self.carriers.places(self.ref)} <= {wanted}
        tags, status = self.document["tags"], self.document["financial_status"]
        if status == "refunded":
            return
        heard = {topic for topic, _, _ in self.sent}
        if "rush" in tags or (status == "paid" and "slow" not in tags):
            assert live == ["1"]
        elif "never" not in tags or heard & {"orders/updated", "orders/paid"}:
            assert live == ["2"]

    @property
    def emulators(self) -> dict[str, Emulator]:
        """Run the vendors that book."""
        there = self.carriers.shop.sandbox.emulators
        return {name: there[name] for name in {"chitchats", self.carriers.second}}

    def live(self) -> list[str]:
        """Return the accounts that have a booking of this order."""
        return self.carriers.live(self.ref)

    def rows(self) -> list[dict[str, Any]]:
        """Return everything that was owed about this order."""
        return owed(self.carriers.shop.services, subject=f"order:{self.ref}")

    def post(self, webhook: tuple[str, dict[str, Any], str]) -> None:
        """Deliver one webhook."""
        topic, document, name = webhook
        assert self.carriers.shop.post_raw(topic, json.dumps(document).encode(), name).status_code == 200


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Use SQLite, so that one process is all there is."""
    return embedded


@pytest.fixture
def story(
    request: pytest.FixtureRequest, services: Services, sandbox: Sandbox, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[Story]]:
    """Open the accounts of all stories: one at Chit Chats, and one at the vendor that the test names."""
    # A round that has nothing to do waits for news; here all news comes from this very thread.
    monkeypatch.setattr("plugin.delivery.round._IDLE_LOOK_SECONDS", 0.002)
    Story.carriers = Carriers.open(services, sandbox, app, ONE, TWO, second=request.param)
    Story.carriers.connect("two", None, rate=UNLIMITED)
    Story.worker = Worker(services)
    yield Story
    Story.worker.close()
    assert queries.is_idle(services.database)


@pytest.mark.hypothesis
@pytest.mark.parametrize("story", ["chitchats", "shiptheory"], indirect=True)
def test_one_order_has_one_booking_whatever_happens(story: type[Story]) -> None:
    """Creation, payment, edits, cancellation, refund, redelivery and lost answers in any order."""
    run_state_machine_as_test(
        story,
        settings=settings(
            max_examples=examples(80, few=10),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.mark.parametrize("story", ["shiptheory"], indirect=True)
def test_a_new_address_is_seen_though_the_order_moved_away_and_back(story: type[Story]) -> None:
    """The booking stays, since it can't be taken back; that it has the old address, a person is told."""
    told = story()
    told.open_shop(buys=False, late=False, tags="")
    told.edit(late=False, tags="slow")
    told.work(6)
    told.edit(late=False, tags="rush, slow")
    told.readdress(late=False, street="2 New Street")
    told.edit(late=False, tags="never")
    told.teardown()
    assert [row["reason"] for row in told.rows() if row["state"] in ("held", "failed")]
