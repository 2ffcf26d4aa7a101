"""One harmless call tells good credentials from refused ones, at every vendor that documents such a call."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from plugin import destinations
from plugin.core.response import Response
from plugin.destinations.base import Checkable
from plugin.operations.connections import values_of
from plugin.transport.client import Client
from tests.support.contract import NAMES, contract_of

if TYPE_CHECKING:
    from plugin.sandbox import Sandbox

CHECKABLE = [name for name in NAMES if isinstance(destinations.get(name), Checkable)]


def status_of_check(sandbox: Sandbox, name: str, **settings: str) -> int:
    """Return what the emulated vendor answers to the call."""
    vendor = destinations.get(name)
    assert isinstance(vendor, Checkable)
    request = vendor.build_check(values_of(vendor, {**contract_of(name).settings, **settings}))
    client = Client(sandbox.base_url)
    try:
        found = client.send(dataclasses.replace(request))
    finally:
        client.close()
    assert isinstance(found, Response)
    return found.status


@pytest.mark.parametrize("name", CHECKABLE)
def test_credentials_are_told_apart(sandbox: Sandbox, name: str) -> None:
    """Good ones are answered 200, others 401."""
    secret = next(iter(contract_of(name).secrets))
    sandbox.emulators[name].configure(**contract_of(name).emulator_settings)
    assert status_of_check(sandbox, name) == 200
    sandbox.emulators[name].window.set(None)
    assert status_of_check(sandbox, name, **{secret: "revoked"}) == 401


@pytest.mark.parametrize("name", CHECKABLE)
def test_the_call_changes_nothing(sandbox: Sandbox, name: str) -> None:
    """The vendor has received as much afterwards as before."""
    before = sandbox.emulators[name].received()
    status_of_check(sandbox, name)
    assert sandbox.emulators[name].received() == before
