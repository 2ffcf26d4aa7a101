"""RQ with one job a delivery. `enqueue COUNT URL BODY`, `fork` and `simple` (its two kinds of worker)."""

from __future__ import annotations

import os
import sys

from redis import Redis
from rq import Queue, SimpleWorker, Worker

from benchmarks.stacks import orm


def main() -> None:
    """Enqueue, or work until stopped."""
    queue = Queue("deliveries", connection=Redis.from_url(os.environ["REDIS_URL"]))
    if sys.argv[1] == "enqueue":
        queue.enqueue_many([Queue.prepare_data(orm.deliver, (row_id,), result_ttl=0) for row_id in orm.read_owed()])
        return
    # The job's code is imported above, before any fork, or every fork would import it anew.
    kind = Worker if sys.argv[1] == "fork" else SimpleWorker
    kind([queue], connection=queue.connection).work(logging_level="WARNING")


if __name__ == "__main__":
    main()
