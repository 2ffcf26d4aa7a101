"""How most tutorials take webhooks: Flask, the ORM's session, one commit and one RQ job for each event."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, abort, jsonify, request
from redis import Redis
from rq import Queue
from sqlalchemy import JSON, String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from benchmarks.stacks.orm import open_engine

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_SECRET = os.environ["SHOPIFY_API_SECRET"].encode()


class Base(DeclarativeBase):
    """The tutorial's tables."""


class Event(Base):
    """One webhook, its body as JSON."""

    __tablename__ = "tutorial_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(200), unique=True)
    topic: Mapped[str] = mapped_column(String(200))
    received_at: Mapped[datetime]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)


app = Flask(__name__)
# As tutorials leave it; WAL, which costs SQLite fewer flushes, for comparison.
_open = open_engine if os.environ.get("TUTORIAL_WAL") else create_engine
engine = _open(os.environ["DATABASE_URL"])
sessions = sessionmaker(engine)
queue = Queue("webhooks", connection=Redis.from_url(os.environ["REDIS_URL"]))


@app.post("/webhooks/shopify")
def webhook() -> ResponseReturnValue:
    """Verify, store once, enqueue, answer."""
    digest = hmac.new(_SECRET, request.get_data(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest).decode(), request.headers.get("X-Shopify-Hmac-SHA256", "")):
        abort(401)
    with sessions() as session:
        event_id = _store(session)
    if event_id is not None:
        queue.enqueue("benchmarks.stacks.tutorial.process", event_id)
    return jsonify(status="ok")


def _store(session: Session) -> int | None:
    webhook_id = request.headers["X-Shopify-Webhook-Id"]
    if session.scalar(select(Event.id).where(Event.webhook_id == webhook_id)) is not None:
        return None
    event = Event(
        webhook_id=webhook_id,
        topic=request.headers["X-Shopify-Topic"],
        received_at=datetime.now(UTC).replace(tzinfo=None),
        payload=request.get_json(),
    )
    session.add(event)
    session.commit()
    return event.id


def process(event_id: int) -> None:
    """Stand for what a worker would do; none runs while intake is measured."""
    with sessions() as session:
        session.get(Event, event_id)


def main() -> None:
    """Create the tables, once, before the workers start."""
    Base.metadata.create_all(engine)


if __name__ == "__main__":
    main()
