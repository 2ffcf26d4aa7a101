"""Dramatiq with one message a delivery, on Redis.

`python -m benchmarks.stacks.dramatiq_jobs enqueue`; the worker is `dramatiq benchmarks.stacks.dramatiq_jobs`.
"""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.stacks import orm

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))
deliver = dramatiq.actor(orm.deliver, actor_name="deliver")


def main() -> None:
    """Enqueue."""
    for row_id in orm.read_owed():
        deliver.send(row_id)


if __name__ == "__main__":
    main()
