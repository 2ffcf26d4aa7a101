"""The whole line as a plain script: Flask that checks and keeps a webhook, and a loop that makes three posts for each.

`python -m benchmarks.stacks.plain_line` makes the table and works until it is ended.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from typing import TYPE_CHECKING, Any

from flask import Flask, abort, jsonify, request
from sqlalchemy import Engine, LargeBinary, String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.stacks import orm

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_HEADERS = {"Authorization": "Basic a2V5Og==", "Content-Type": "application/json"}
_IDLE_SECONDS = 0.005


class Base(DeclarativeBase):
    """The script's table."""


class Received(Base):
    """One webhook; `done` says that its three messages were taken."""

    __tablename__ = "plain_received"

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(200), unique=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    done: Mapped[bool] = mapped_column(index=True)


app = Flask(__name__)


@app.post("/webhooks/shopify")
def webhook() -> ResponseReturnValue:
    """Verify, store once, answer."""
    raw, secret = request.get_data(), os.environ["SHOPIFY_API_SECRET"].encode()
    digest = base64.b64encode(hmac.new(secret, raw, hashlib.sha256).digest()).decode()
    if not hmac.compare_digest(digest, request.headers.get("X-Shopify-Hmac-SHA256", "")):
        abort(401)
    with Session(orm.engine()) as session:
        session.add(Received(webhook_id=request.headers["X-Shopify-Webhook-Id"], body=raw, done=False))
        session.commit()
    return jsonify(status="ok")


def messages(row_id: int, order: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what an order leads to: who it is, under which other name, and what was bought."""
    person = str(order["customer"]["id"])
    properties = {"order_id": str(order["id"]), "total": order["total_price"], "currency": order["currency"]}
    traits = {"email": order["email"], "firstName": order["customer"]["first_name"]}
    return [
        {"type": "identify", "messageId": f"{row_id}-1", "userId": person, "traits": traits},
        {"type": "alias", "messageId": f"{row_id}-2", "userId": person, "previousId": order["cart_token"]},
        {"type": "track", "messageId": f"{row_id}-3", "userId": person, "event": "Order Completed"}
        | {"properties": properties},
    ]


def is_unfinished(owing: Engine) -> bool:
    """Return whether anything is still to be sent."""
    with Session(owing) as session:
        return session.scalar(select(Received.id).where(Received.done.is_(False)).limit(1)) is not None


def main() -> None:
    """Work, oldest first, one call after the other."""
    Base.metadata.create_all(orm.engine())
    with Session(orm.engine()) as session:
        while True:
            row = session.scalar(select(Received).where(Received.done.is_(False)).order_by(Received.id).limit(1))
            for message in messages(row.id, json.loads(row.body)) if row else ():
                body = json.dumps({"batch": [message]})
                orm.http().post(os.environ["SINK_URL"], data=body, headers=_HEADERS, timeout=15).raise_for_status()
            if row:
                row.done = True
            session.commit()
            if not row:
                time.sleep(_IDLE_SECONDS)


if __name__ == "__main__":
    main()
