"""Celery with one task a delivery, on Redis: tasks are acknowledged when they are done, results are not kept.

`python -m benchmarks.stacks.celery_jobs enqueue`; the worker is `celery -A benchmarks.stacks.celery_jobs worker`.
"""

from __future__ import annotations

import os

from celery import Celery

from benchmarks.stacks import orm

app = Celery("deliveries", broker=os.environ["REDIS_URL"].replace("unix://", "redis+socket://"))
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    # Its documentation advises a larger one for many short tasks.
    worker_prefetch_multiplier=32,
    broker_connection_retry_on_startup=True,
)
deliver = app.task(orm.deliver, name="deliver")


def main() -> None:
    """Enqueue."""
    with app.producer_or_acquire() as producer:
        for row_id in orm.read_owed():
            deliver.apply_async((row_id,), producer=producer)


if __name__ == "__main__":
    main()
