"""The contract of every storefront: what its platform signed is stored once and understood, and nothing else gets in.

All that is known of a platform comes from its folders. In `tests/storefronts/NAME`, `sent/orders_create.json` is a body
of its topic `orders/create` and `orders_create__guest.json` a case of it; `understood/` holds what each becomes;
`unsampled.json`, where there is one, gives the reason for each handled topic without a body in `sent/`. The emulated
shop in `plugin/sandbox/NAME` signs.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest
from sqlalchemy import select

from mappings.canonical.orders import Topic
from mappings.schemas.json import parse
from plugin import storefronts
from plugin.sandbox import emulated_shop
from plugin.storage.compression import decompress
from plugin.storage.tables import events
from plugin.storefronts.base import Ignored
from tests.support.folders import TESTS
from tests.support.golden import KINDS, cases, check

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from werkzeug.test import TestResponse

    from plugin.sandbox import EmulatedShop, Sample
    from plugin.services import Services
    from plugin.storage.stores import Store
    from plugin.storefronts.base import Storefront
    from tests.conftest import Backend

SECRET = "the secret of an invented app"
names = pytest.mark.parametrize("name", storefronts.names())


def folder(name: str) -> Path:
    """Return where the tests of a storefront and their fixtures lie."""
    return TESTS / "storefronts" / name


def file_stem(platform_topic: str) -> str:
    """Return the name of a topic's samples: `orders/create` as `orders_create`."""
    return re.sub(r"\W", "_", platform_topic)


def handled(name: str) -> dict[str, Topic]:
    """Return the platform's topics that become one of ours."""
    return {theirs: ours for theirs, ours in storefronts.get(name).topics.items() if isinstance(ours, Topic)}


def topic_of(path: Path) -> str:
    """Return the platform's topic that a sample is a body of."""
    stem = path.stem.partition("__")[0]
    found = [topic for topic in handled(path.parents[1].name) if file_stem(topic) == stem]
    assert len(found) == 1, f"{path}: {stem} should name one handled topic, names {found}"
    return found[0]


SENT = [path for name in storefronts.names() for path in cases(folder(name) / "sent")]
each_sample = pytest.mark.parametrize("path", SENT, ids=lambda path: f"{path.parents[1].name}-{path.stem}")


class Receiving(NamedTuple):
    """A storefront with one store in a database of its own, and the emulated shop that sends to it."""

    services: Services
    app: Flask
    storefront: Storefront
    shop: EmulatedShop
    store: Store

    def signed(self, path: Path, webhook_id: str = "w") -> Sample:
        """Return a body of `sent/` as the platform would send it."""
        return self.shop.signed(topic_of(path), path.read_bytes(), webhook_id, SECRET, self.shop.SHOP)

    def post(self, sample: Sample, *, store_id: str | None = None, body: bytes | None = None) -> TestResponse:
        """Deliver a webhook to the store's address, its body or the store's id exchanged if so wished."""
        address = f"/webhooks/{self.storefront.name}/{store_id or self.store.id}"
        return self.app.test_client().post(address, data=body or sample.body, headers=dict(sample.headers))

    def stored(self) -> list[tuple[str, bytes]]:
        """Return the platform's topic and the body of every event."""
        with self.services.database.read() as db:
            rows = db.execute(select(events.c.platform_topic, events.c.body).order_by(events.c.id))
            return [(row.platform_topic, decompress(row.body) or b"") for row in rows]


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Return the embedded one: nothing here depends on the kind of database."""
    return embedded


@pytest.fixture
def receiving(name: str, services: Services, app: Flask) -> Receiving:
    """Open a store of the storefront whose test this is."""
    storefront, shop = storefronts.get(name), emulated_shop(name)
    store = services.stores.add(name, storefront.normal_address(shop.SHOP), {"secret": SECRET}, None)
    return Receiving(services, app, storefront, shop, store)


@each_sample
def test_sent_becomes_understood(path: Path) -> None:
    """Every sample becomes exactly the canonical value written down for it, which is of its topic's kind."""
    name, ours = path.parents[1].name, handled(path.parents[1].name)[topic_of(path)]
    storefront, shop = storefronts.get(name), emulated_shop(name)
    found = storefront.load(ours, parse(path.read_bytes()), storefront.normal_address(shop.SHOP))
    assert isinstance(found, KINDS[ours])
    check(found, folder(name) / "understood" / path.name)


@names
def test_every_golden_has_its_sample(name: str) -> None:
    """A golden whose sample is gone proves nothing."""
    sent, understood = ({path.name for path in (folder(name) / part).glob("*")} for part in ("sent", "understood"))
    assert sent == understood


@names
def test_every_sample_says_where_it_is_from(name: str) -> None:
    """SOURCE.md names each file of `sent/`, a case by its second half at least."""
    source = (folder(name) / "SOURCE.md").read_text()
    for path in cases(folder(name) / "sent"):
        plain, _, case = path.stem.partition("__")
        assert f"`{path.stem}`" in source or (case and f"`{plain}`" in source and f"`__{case}`" in source), path.name


@names
def test_every_topic_is_ours_or_ignored_with_a_reason(name: str) -> None:
    """Nothing that the platform documents is passed over in silence, and it cannot say what only we book."""
    assert storefronts.get(name).name == name
    assert handled(name)
    for theirs, ours in storefronts.get(name).topics.items():
        assert isinstance(ours, (Topic, Ignored)), theirs
        assert ours is not Topic.PARCEL_BOOKED, theirs
        assert not isinstance(ours, Ignored) or ours.reason.strip(), theirs


@names
def test_every_handled_topic_has_a_sample_or_a_reason(name: str) -> None:
    """A mapping that no body was ever put through is a guess."""
    listed = folder(name) / "unsampled.json"
    reasons: dict[str, str] = json.loads(listed.read_text()) if listed.exists() else {}
    assert all(reasons.values())
    sampled = {topic_of(path) for path in cases(folder(name) / "sent")}
    assert sampled | reasons.keys() == handled(name).keys()
    assert not sampled & reasons.keys()


@names
def test_a_signed_webhook_is_stored_as_it_was_sent(name: str, receiving: Receiving) -> None:
    """Every sample, signed as the platform documents it, is answered 200 and kept byte for byte with its topic."""
    samples = cases(folder(name) / "sent")
    answered = [receiving.post(receiving.signed(path, path.stem)).status_code for path in samples]
    assert answered == [200] * len(samples)
    assert receiving.stored() == [(topic_of(path), path.read_bytes()) for path in samples]


@names
def test_the_same_delivery_twice_is_stored_once(name: str, receiving: Receiving) -> None:
    """A redelivery is answered as the first was; another delivery of the same body is another event."""
    first = cases(folder(name) / "sent")[0]
    again = [receiving.post(receiving.signed(first, webhook_id)).status_code for webhook_id in ("w", "w", "w2")]
    assert again == [200, 200, 200]
    assert len(receiving.stored()) == 2


@names
def test_a_tampered_body_is_401(name: str, receiving: Receiving) -> None:
    """One byte more, less or other is noticed."""
    sample = receiving.signed(cases(folder(name) / "sent")[0])
    raw = sample.body
    for body in (raw + b" ", raw[:-1], raw.replace(b"1", b"2", 1), raw[:-1] + bytes([raw[-1] ^ 1])):
        assert receiving.post(sample, body=body).status_code == 401
    assert receiving.stored() == []


GARBAGE = ("", " ", "x", "!!! no signature !!!", "é" * 44, "ab" * 32, "A" * 43 + "=", "v1,", "=" * 44, "0" * 10_000)


@names
@pytest.mark.parametrize("text", [None, *GARBAGE], ids=lambda text: repr(text)[:24])
def test_a_missing_or_garbage_signature_is_401(name: str, receiving: Receiving, text: str | None) -> None:
    """Whatever stands there instead of a signature, nothing is stored and nothing breaks."""
    sample = receiving.signed(cases(folder(name) / "sent")[0])
    header = receiving.shop.SIGNATURE_HEADER
    assert sample.headers[header]
    others = {key: value for key, value in sample.headers.items() if key != header}
    changed = type(sample)(headers=others if text is None else others | {header: text}, body=sample.body)
    assert receiving.post(changed).status_code == 401
    assert receiving.stored() == []


@names
@pytest.mark.parametrize("secret", ["another secret", "", f"{SECRET} "], ids=repr)
def test_a_signature_of_another_secret_is_401(name: str, receiving: Receiving, secret: str) -> None:
    """Only the store's own secret and the app's open the door."""
    first = cases(folder(name) / "sent")[0]
    sample = receiving.shop.signed(topic_of(first), first.read_bytes(), "w", secret, receiving.shop.SHOP)
    assert receiving.post(sample).status_code == 401
    assert receiving.stored() == []


@names
def test_an_unknown_store_is_404(name: str, receiving: Receiving) -> None:
    """A well signed webhook for a store that nobody added is turned away."""
    sample = receiving.signed(cases(folder(name) / "sent")[0])
    for store_id in ("imagined", f"{receiving.store.id}0", "%00"):
        assert receiving.post(sample, store_id=store_id).status_code == 404
    assert receiving.stored() == []


@pytest.mark.usefixtures("name")
@names
def test_what_the_emulated_shop_sends_is_taken(receiving: Receiving) -> None:
    """Each of its samples is stored, once when sent twice, and loads if its topic is handled and its body JSON."""
    shop = receiving.shop
    for topic in shop.topics():
        for _ in range(2):
            assert receiving.post(shop.sample(topic, 1, SECRET, shop.SHOP)).status_code == 200, topic
        loads_all_samples(receiving, topic)
    assert len(receiving.stored()) == len(shop.topics())
    with pytest.raises(ValueError, match=re.escape(shop.topics()[0])):
        shop.sample("imagined", 1, SECRET, shop.SHOP)


def loads_all_samples(receiving: Receiving, topic: str) -> None:
    """Load a dozen of the emulated shop's samples of a topic that we handle; one may be cut off on purpose."""
    ours = receiving.storefront.topics.get(topic.partition(":")[0])
    bodies = [receiving.shop.sample(topic, number, SECRET, receiving.shop.SHOP).body for number in range(12)]
    if isinstance(ours, Topic) and is_json(bodies[0]):
        for body in bodies:
            assert isinstance(receiving.storefront.load(ours, parse(body), receiving.store.address), KINDS[ours])


def is_json(body: bytes) -> bool:
    """Tell whether a body can be parsed at all."""
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
