"""The console script `crossdock`."""

from __future__ import annotations

import click

from plugin.commands import act, choices, demo, doctor, dry_run, look, run, shops
from plugin.commands.frame import errors_in_words


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crossdock")
def crossdock() -> None:
    """Order and customer webhooks in; shipment bookings and customer-data calls out. None lost, none doubled."""


for _command in (
    demo.demo,
    doctor.doctor,
    *(run.up, run.web, run.worker, run.clock, run.sandbox),
    *(shops.store, shops.connect, shops.connections),
    *(look.events, look.deliveries, look.shipments, look.status),
    *(choices.offered, choices.papers),
    *(act.migrate, act.replay, act.send_sample, dry_run.dry_run),
):
    crossdock.add_command(_command)


def main() -> None:
    """Run the command; what is wrong is said in words, with exit status 1."""
    with errors_in_words():
        crossdock()


if __name__ == "__main__":
    main()
