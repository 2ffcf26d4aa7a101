"""Tokens of vendors that want a login: fetched once for all processes, ahead of time, and never shown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from sqlalchemy import select, update

from plugin.core.response import Failure, Response
from plugin.core.vault import Vault
from plugin.destinations.shiptheory import destination
from plugin.storage.database import Database
from plugin.storage.login_tokens import CLAIM, LoginTokens
from plugin.storage.stores import ConnectionState
from plugin.storage.tables import attempts, metadata, tokens
from plugin.transport.client import Client
from plugin.transport.login import Logins
from tests.destinations.shiptheory.connected_shop import LOGIN, REFERENCE, Ship
from tests.support.running_line import tries, work_off
from tests.support.shop import sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from plugin.core.step import Request
    from plugin.core.vendor_profile import Login
    from plugin.sandbox import Sandbox
    from plugin.services import Services

LANE = "shiptheory:account@here"
VALUES = LOGIN | {"partner_tag": "tag"}


@pytest.fixture
def ship(services: Services, sandbox: Sandbox, app: Flask) -> Ship:
    """Open a store that books at Shiptheory with e-mail and password."""
    return Ship.open(services, sandbox, app)


@dataclass(frozen=True)
class Desk:
    """Processes that call Shiptheory: one table, each a memory of its own."""

    services: Services
    sandbox: Sandbox
    client: Client
    login: Login
    look: Request

    def process(self, key: str | None = None) -> Logins:
        """Another process, which may have another key."""
        keys = self.services.settings.secret_keys if key is None else (key,)
        return Logins(LoginTokens(self.services.database, Vault(keys)))

    @property
    def box(self) -> LoginTokens:
        """The table."""
        return LoginTokens(self.services.database, Vault(self.services.settings.secret_keys))

    def send(self, process: Logins) -> Response | Failure:
        """Make a call."""
        return process.send(self.client.send, LANE, self.login, self.look)

    def status(self, process: Logins) -> int:
        """Make a call that has to be answered."""
        result = self.send(process)
        assert isinstance(result, Response), result
        return result.status

    def put_off(self, process: Logins) -> Failure:
        """Make a call that must not go out now: certainly not sent, no attempt spent, the slot used."""
        result = self.send(process)
        assert isinstance(result, Failure), result
        assert (result.sent, result.late, result.used) == (False, True, True)
        return result

    def logged_in(self) -> Logins:
        """Return a process that has a token."""
        made = self.process()
        self.put_off(made)
        assert self.status(made) == 200
        return made


@pytest.fixture
def desk(services: Services, sandbox: Sandbox) -> Iterator[Desk]:
    """Return the emulated vendor without its limit, and how to call it."""
    sandbox.emulators["shiptheory"].window.set(None)
    login = destination.profile(VALUES).login
    assert login is not None
    client = Client(sandbox.base_url)
    yield Desk(services, sandbox, client, login, destination.listings[0].call(VALUES, 1))
    client.close()


def change(services: Services, **values: object) -> None:
    """Let time pass for what is kept, or have somebody else change it."""
    with services.database.write() as db:
        db.execute(update(tokens).values(values))


def kept(services: Services) -> Any:  # noqa: ANN401  (a row)
    """Return the one row there is."""
    with services.database.read() as db:
        return db.execute(select(tokens)).one()


def logins(sandbox: Sandbox) -> int:
    """How often somebody logged in."""
    count: int = sandbox.emulators["shiptheory"].state()["logins"]
    return count


def test_many_processes_log_in_once(desk: Desk) -> None:
    """Whoever comes while one logs in is sent back for its turn; nobody else logs in, and all get through."""
    processes = [desk.process() for _ in range(4)] * 8
    with ThreadPoolExecutor(16) as pool:
        first = list(pool.map(desk.send, processes))
        second = list(pool.map(desk.status, processes))
    assert all(isinstance(one, Response) or (one.late and one.used and not one.sent) for one in first)
    assert set(second) == {200}
    assert (logins(desk.sandbox), kept(desk.services).number) == (1, 1)


def test_a_token_is_renewed_before_it_ends(desk: Desk) -> None:
    """Two minutes ahead, by one of them, while the others go on with what they have: no call is ever refused."""
    desk.logged_in()
    one, other = desk.process(), desk.process()
    change(desk.services, expires_at=datetime.now(UTC) + timedelta(seconds=90))
    assert desk.box.claim(LANE, desk.login.early)
    assert desk.status(one) == 200
    change(desk.services, renewing_until=datetime.now(UTC) - timedelta(seconds=1))
    desk.put_off(one)
    assert desk.status(other) == desk.status(one) == 200
    assert logins(desk.sandbox) == 2
    assert 401 not in [entry["status"] for entry in desk.sandbox.emulators["shiptheory"].requests()]
    assert kept(desk.services).expires_at > datetime.now(UTC) + timedelta(minutes=59)


def test_a_process_that_dies_while_it_logs_in_holds_nobody_up(desk: Desk) -> None:
    """Its claim ends by itself; until then everybody else waits for a turn."""
    assert desk.box.claim(LANE, desk.login.early)
    assert not desk.box.claim(LANE, desk.login.early)
    desk.put_off(desk.process())
    assert logins(desk.sandbox) == 0
    change(desk.services, renewing_until=datetime.now(UTC) - CLAIM)
    desk.logged_in()


def test_a_token_that_is_refused_early_is_fetched_again_once(desk: Desk) -> None:
    """The vendor may end one before its time: renewed, and the next call goes through; the count starts anew."""
    one, other = desk.logged_in(), desk.process()
    assert desk.status(other) == 200
    requests.post(f"{desk.sandbox.base_url}/_sandbox/shiptheory/expire", timeout=5)
    assert "refused before its time" in desk.put_off(one).reason
    assert "logged in" in desk.put_off(one).reason
    # The other process still has the former one: its refusal says nothing about the new token.
    assert "refused before its time" in desk.put_off(other).reason
    assert desk.status(other) == desk.status(one) == 200
    assert (logins(desk.sandbox), kept(desk.services).refusals) == (2, 0)


def test_a_fresh_token_that_is_refused_too_is_no_matter_of_tokens(ship: Ship) -> None:
    """Only then the connection is paused; what is owed waits, and goes out when it is connected again."""
    ship.fault("status", "/v1/shipments", times=None, status=401)
    ship.order()
    assert (ship.owed("book")["state"], logins(ship.sandbox), ship.asked("POST /v1/shipments")) == ("waiting", 2, 2)
    (paused,) = ship.services.stores.connections()
    assert (paused.state, "401" in (paused.reason or "")) == (ConnectionState.PAUSED, True)
    ship.vendor.faults.clear()
    ship.reconnect()
    work_off(ship.services)
    assert ship.live() == [REFERENCE]
    assert kept(ship.services).refusals == 0


@pytest.mark.parametrize("refusal", [{"status": 400}, {"status": 401}, {"status": 403}, {"status": 422}])
def test_a_refused_login_pauses_the_connection(ship: Ship, refusal: dict[str, int]) -> None:
    """Whatever the status: wrong credentials are tried once, and nothing of what is owed is lost or spent."""
    ship.fault("status", "/v1/token", times=None, **refusal)
    ship.order()
    found = ship.owed("book")
    assert (found["state"], found["attempts"], ship.asked("POST /v1/token")) == ("waiting", 0, 1)
    assert ship.services.stores.connections()[0].state == ConnectionState.PAUSED
    ship.vendor.faults.clear()
    ship.reconnect()
    work_off(ship.services)
    assert ship.live() == [REFERENCE]


def test_a_wrong_password_is_told(ship: Ship) -> None:
    """401 as the vendor answers it; mended by connecting again."""
    ship.vendor.configure(accounts={LOGIN["email"]: "another"})
    ship.order()
    assert ship.services.stores.connections()[0].state == ConnectionState.PAUSED
    ship.reconnect(password="another")
    work_off(ship.services)
    assert ship.live() == [REFERENCE]


TROUBLE = {
    "429": {"kind": "status", "status": 429},
    "503": {"kind": "status", "status": 503},
    "HTML": {"kind": "garbage"},
    "nothing": {"kind": "empty"},
    "reset after": {"kind": "reset_after"},
    "reset before": {"kind": "reset_before"},
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
def test_trouble_with_a_login_leaves_no_doubt_about_the_booking(ship: Ship, trouble: dict[str, Any]) -> None:
    """The booking was certainly not sent, so it is not looked for either; it goes out after a login that works."""
    ship.fault(match="/v1/token", **trouble)
    ship.order()
    assert (ship.live(), ship.asked("POST /v1/shipments")) == ([REFERENCE], 1)
    assert {one["purpose"] for one in tries(ship.services, action="book")} == {"send"}


def test_a_permanent_token_needs_no_login(ship: Ship) -> None:
    """Made by hand at Shiptheory; used as it is."""
    ship.vendor.configure(tokens={"permanent-1": LOGIN["email"]})
    ship.reconnect(token="permanent-1")
    ship.order()
    assert (ship.live(), logins(ship.sandbox)) == ([REFERENCE], 0)


def test_nothing_shows_a_token_or_a_password(ship: Ship, capfd: pytest.CaptureFixture[str]) -> None:
    """Sealed in its table, in no attempt, no delivery, no log, no repr."""
    ship.order()
    services = ship.services
    token = LoginTokens(services.database, Vault(services.settings.secret_keys)).look(ship.connection.lane)
    assert token is not None
    with services.database.read() as db:
        everything = [str(row) for table in metadata.sorted_tables for row in db.execute(select(table))]
        assert len(list(db.execute(select(attempts)))) > 1
    login = destination.profile(VALUES).login
    shown = "".join([*everything, *capfd.readouterr(), repr(token), repr(login), repr(ship.connection)])
    assert [word for word in (token.value, LOGIN["password"]) if word in shown] == []


def test_a_key_that_is_gone_costs_one_login(desk: Desk) -> None:
    """A token that nobody can open is as good as none."""
    desk.logged_in()
    other = desk.process("another key")
    desk.put_off(other)
    assert (desk.status(other), logins(desk.sandbox)) == (200, 2)


def test_a_database_that_is_away_keeps_a_call_back(desk: Desk) -> None:
    """Without it nobody knows the token: the call is not made, and is certain not to have been."""
    away = Logins(LoginTokens(Database("postgresql+psycopg://127.0.0.1:1/nothing"), Vault(["key"])))
    found = desk.send(away)
    assert isinstance(found, Failure)
    assert (found.sent, found.late) == (False, False)


def test_tokens_of_lanes_that_nobody_uses_are_forgotten(desk: Desk) -> None:
    """A day after its end a token is removed by the next login of any lane."""
    desk.logged_in()
    change(desk.services, lane="old", expires_at=datetime.now(UTC) - timedelta(days=2))
    desk.logged_in()
    assert kept(desk.services).lane == LANE


def test_orders_of_an_hour_need_one_login(ship: Ship) -> None:
    """Twenty orders, one token."""
    for number in range(20):
        ship.post("orders/create", sent("orders_create") | {"id": number + 1, "name": f"#{2000 + number}"})
    work_off(ship.services)
    assert (len(ship.live()), logins(ship.sandbox)) == (20, 1)
