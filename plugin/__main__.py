"""The console script `crossdock`: which commands there are, and where each is to be found."""

from __future__ import annotations

import click

from plugin.cli.lazy_group import LazyGroup, import_command
from plugin.cli.output import errors_in_words

# Every command: where it is, and its short help. A table, because importing them all takes a second.
COMMANDS = {
    "clock": ("plugin.cli.clock:clock", "Find what is due that no job is working on, once a second."),
    "connect": ("plugin.cli.connections:connect", "Connect a store to a destination."),
    "connections": ("plugin.cli.connections:connections", "List the connections, with what pauses them."),
    "deliveries": ("plugin.cli.deliveries:deliveries", "List what is or was owed, or show one with every attempt."),
    "demo": (
        "plugin.cli.demo:demo",
        "Show the whole line at work: orders in, bookings and calls out, faults on the way.",
    ),
    "docs": ("plugin.cli.docs:docs", "Write the pages about settings, variables, states, topics and commands."),
    "doctor": ("plugin.cli.doctor:doctor", "Check every setting, secret, process and backlog, with what to do."),
    "dry-run": ("plugin.cli.dry_run:dry_run", "Show what a webhook would lead to: sends nothing, writes nothing."),
    "events": ("plugin.cli.events:events", "List webhooks, or show one with its body."),
    "migrate": ("plugin.cli.migrate:migrate", "Bring the database's schema to the version of this release."),
    "new": ("plugin.cli.new:new", "Write the files of a new integration: the smallest that works."),
    "papers": ("plugin.cli.labels:papers", "List what vendors give only once, such as return labels, or save one."),
    "replay": ("plugin.cli.replay:replay", "Do again what was held, skipped or failed."),
    "sandbox": ("plugin.cli.sandbox:sandbox", "Serve the emulated destinations alone; all of them, or those named."),
    "send-sample": (
        "plugin.cli.samples:send_sample",
        "Send signed sample webhooks of invented people to the running server.",
    ),
    "services": (
        "plugin.cli.offers:offered",
        "List what a connection's account offers, with the ids that settings take.",
    ),
    "shipments": (
        "plugin.cli.shipments:shipments",
        "List the shipments that were booked, show one, or save its label.",
    ),
    "status": ("plugin.cli.status:status", "Show counts by state, the oldest due delivery, and what each lane does."),
    "store": ("plugin.cli.stores:store", "Add, list and remove stores."),
    "up": ("plugin.cli.up:up", "Run database, Redis, web, worker and clock on this machine, until Ctrl-C."),
    "web": ("plugin.cli.web:web", "Serve the webhook addresses."),
    "worker": ("plugin.cli.worker:worker", "Deliver what is due; without Redis too, as long as no other worker does."),
}


def _summaries() -> dict[str, str]:
    return {name: summary for name, (_, summary) in COMMANDS.items()}


def _load(name: str) -> click.Command | None:
    return import_command(COMMANDS[name][0]) if name in COMMANDS else None


@click.group(cls=LazyGroup, summaries=_summaries, load=_load, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crossdock")
def crossdock() -> None:
    """Order and customer webhooks in; shipment bookings and customer-data calls out. None lost, none doubled."""


def main() -> None:
    """Run the command; write what is wrong in words, with exit status 1."""
    with errors_in_words():
        crossdock()


if __name__ == "__main__":
    main()
