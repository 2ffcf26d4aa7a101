"""The console script `crossdock`."""

from __future__ import annotations

import click

from plugin.cli import (
    connections,
    deliveries,
    demo,
    doctor,
    dry_run,
    events,
    migrate,
    new,
    offers,
    processes,
    replay,
    samples,
    shipments,
    status,
    stores,
)
from plugin.cli.output import errors_in_words


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crossdock")
def crossdock() -> None:
    """Order and customer webhooks in; shipment bookings and customer-data calls out. None lost, none doubled."""


for _command in (
    demo.demo,
    doctor.doctor,
    *(processes.up, processes.web, processes.worker, processes.clock, processes.sandbox),
    *(stores.store, connections.connect, connections.connections),
    *(events.events, deliveries.deliveries, shipments.shipments, status.status),
    *(offers.offered, offers.papers),
    *(migrate.migrate, replay.replay, samples.send_sample, dry_run.dry_run, new.new),
):
    crossdock.add_command(_command)


def main() -> None:
    """Run the command; what is wrong is said in words, with exit status 1."""
    with errors_in_words():
        crossdock()


if __name__ == "__main__":
    main()
