"""Faults do what they say, the journal tells, and the sandbox can be steered from outside."""

import threading
from typing import Any

import pytest
import requests

from plugin.sandbox import Fault, Sandbox, available
from plugin.sandbox.kit.faults import Kind
from tests.sandbox.conftest import MINIMAL, Api, wait_until


def post(api: Api, timeout: float = 5) -> requests.Response:
    """Create a shipment."""
    return api.call("POST", "/shipments", json=MINIMAL, timeout=timeout)


def drafts(api: Api) -> int:
    """Count what was created, without another vendor request."""
    return len(api.sandbox.emulators["chitchats"].state()["shipments"])


def arm(api: Api, *faults: Fault) -> None:
    """Switch faults of Chit Chats on."""
    api.sandbox.emulators["chitchats"].faults.add(*faults)


def journal(api: Api) -> list[dict[str, Any]]:
    """Return what Chit Chats was asked."""
    return api.sandbox.emulators["chitchats"].requests()


def test_status_answers_without_processing(chitchats: Api) -> None:
    """The vendor's error form, Retry-After, or a proxy's page; then all is normal."""
    arm(chitchats, Fault("status", status=429, retry_after=7), Fault("status", status=502, html=True))
    limited, broken, fine = (post(chitchats) for _ in range(3))
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert "message" in limited.json()["error"]
    assert (broken.status_code, broken.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert (fine.status_code, drafts(chitchats)) == (201, 1)
    assert [(one["status"], one["fault"]) for one in journal(chitchats)] == [
        (429, "status"),
        (502, "status"),
        (201, None),
    ]


@pytest.mark.parametrize(("kind", "made"), [("refuse_before", 0), ("reset_before", 0), ("reset_after", 1)])
def test_dropped_connections(chitchats: Api, kind: Kind, made: int) -> None:
    """The caller sees a connection error either way; only `after` took effect."""
    arm(chitchats, Fault(kind))
    with pytest.raises(requests.ConnectionError) as caught:
        post(chitchats)
    assert ("reset" in str(caught.value)) == kind.startswith("reset")
    assert drafts(chitchats) == made
    assert journal(chitchats)[0]["status"] is None
    assert post(chitchats).status_code == 201


@pytest.mark.parametrize(("kind", "made"), [("timeout_before", 0), ("timeout_after", 1)])
def test_timeouts(chitchats: Api, kind: Kind, made: int) -> None:
    """The caller waits in vain; only `after` took effect, and at once."""
    arm(chitchats, Fault(kind, seconds=30))
    with pytest.raises(requests.ReadTimeout):
        post(chitchats, timeout=0.1)
    assert drafts(chitchats) == made


def test_a_held_request_does_not_hold_up_stopping(sandbox: Sandbox) -> None:
    """`stop` ends what a fault holds."""
    sandbox.emulators["chrts"].faults.add(Fault("timeout_before", seconds=60))
    failed = threading.Event()

    def call() -> None:
        with pytest.raises(requests.ConnectionError):
            requests.get(sandbox.base_url, timeout=30)
        failed.set()

    threading.Thread(target=call, daemon=True).start()
    wait_until(sandbox.emulators["chrts"].requests)
    sandbox.stop()
    assert failed.wait(5)


def test_slow_is_only_slow(chitchats: Api) -> None:
    """The answer is normal, later."""
    arm(chitchats, Fault("slow", seconds=0.1))
    response = post(chitchats)
    assert response.status_code == 201
    assert response.elapsed.total_seconds() >= 0.1


def test_spoilt_answers(chitchats: Api) -> None:
    """HTML, nothing, and half of it: each with the success status, each after it took effect."""
    arm(chitchats, Fault("garbage"), Fault("empty"), Fault("cut"))
    garbage, empty = post(chitchats), post(chitchats)
    assert (garbage.status_code, garbage.text[:9]) == (201, "<!DOCTYPE")
    assert (empty.status_code, empty.content) == (201, b"")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post(chitchats)
    assert drafts(chitchats) == 3


def test_a_fault_picks_its_requests(chitchats: Api) -> None:
    """By method and path, by every n-th, so many times."""
    arm(chitchats, Fault("status", match="GET /api/v1/clients/123456/shipments", every=2, times=2))
    assert post(chitchats).status_code == 201
    seen = [chitchats.call("GET", "/shipments").status_code for _ in range(6)]
    assert seen == [200, 503, 200, 503, 200, 200]


def test_chance_is_repeatable(chitchats: Api) -> None:
    """The same seed hits the same requests; None is for ever."""
    runs = []
    for _ in range(2):
        chitchats.sandbox.emulators["chitchats"].faults.clear()
        arm(chitchats, Fault("status", times=None, chance=0.5, seed=4))
        runs.append([chitchats.call("GET", "/shipments").status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


def test_faults_from_outside(chitchats: Api) -> None:
    """One or a list, shown, cleared."""
    chitchats.control("POST", "/chitchats/faults", {"kind": "empty", "times": None})
    waiting = chitchats.control("POST", "/chitchats/faults", [{"kind": "status", "status": 500}]).json()
    assert [one["kind"] for one in waiting] == ["empty", "status"]
    assert chitchats.control("DELETE", "/chitchats/faults").json() == []
    assert post(chitchats).json()["shipment"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "gremlin"},
        {"status": 500},
        {"kind": "status", "often": 1},
        [[]],
        {"kind": "slow", "seconds": "x"},
        {"kind": "status", "every": 0},
        "status",
    ],
)
def test_a_wrong_fault_is_told(chitchats: Api, wrong: object) -> None:
    """400, with the reason; nothing is switched on."""
    answer = chitchats.control("POST", "/chitchats/faults", wrong)
    assert answer.status_code == 400
    assert "fault" in answer.json()["error"]
    assert chitchats.control("GET", "/chitchats/faults").json() == []


def test_the_journal_tells_everything_but_the_token(chitchats: Api) -> None:
    """Method, path, query, headers, body, status, time, in order of arrival."""
    chitchats.call("GET", "/shipments", params={"q": "A-1"})
    chitchats.call("POST", "/shipments", data=b"{oops", headers={"Content-Type": "application/json"})
    first, second = chitchats.control("GET", "/chitchats/requests").json()
    assert (first["method"], first["path"], first["query"]) == ("GET", "/api/v1/clients/123456/shipments", {"q": "A-1"})
    assert (second["body"], second["status"]) == ("{oops", 400)
    assert second["headers"]["Content-Type"] == "application/json"
    assert "token-a" not in str([first, second])
    assert first["at"].endswith("Z")
    assert first["at"] <= second["at"]


def test_overview_and_reset(chitchats: Api) -> None:
    """How many requests each got, what nobody serves; reset forgets."""
    post(chitchats)
    assert chitchats.control("GET", "").json()["emulators"]["chitchats"] == {"requests": 1}
    assert requests.post(f"{chitchats.sandbox.base_url}/v9/nothing", json={}, timeout=5).status_code == 404
    assert chitchats.control("GET", "").json()["unclaimed"] == ["POST /v9/nothing"]
    chitchats.control("POST", "/chitchats/reset")
    assert (drafts(chitchats), journal(chitchats)) == (0, [])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chitchats/limits", {"count": 1}),
        ("/chitchats/limits", {"count": 0, "seconds": 1}),
        ("/chitchats/settings", {"colour": "red"}),
        ("/chitchats/settings", {"buy_seconds": "soon"}),
        ("/chitchats/settings", {"credits": "lots"}),
        ("/chitchats/settings", {"low_credit": "never"}),
        ("/chitchats/shipments/0000000000", {"status": "received"}),
        ("/nobody/state", None),
    ],
)
def test_wrong_commands_are_told(chitchats: Api, path: str, body: object) -> None:
    """400 or 404 with a reason."""
    answer = chitchats.control("POST", path, body)
    assert answer.status_code in {400, 404}
    assert answer.json()["error"]


def test_stopped_is_refused_and_started_again_is_the_same(chitchats: Api) -> None:
    """`stop` closes kept-alive connections too; the port and the state survive."""
    post(chitchats)
    url = chitchats.sandbox.base_url
    chitchats.sandbox.stop()
    with pytest.raises(requests.ConnectionError):
        post(chitchats)
    chitchats.sandbox.start()
    assert chitchats.sandbox.base_url == url
    assert (post(chitchats).status_code, drafts(chitchats)) == (201, 2)


def test_names() -> None:
    """Modules are found by their file names; an unknown name tells the known ones."""
    assert {"chitchats", "chrts"} <= set(available())
    assert not {"base", "server"} & set(available())
    assert list(Sandbox(["chrts"]).emulators) == ["chrts"]
    with pytest.raises(ValueError, match="chitchats, chrts"):
        Sandbox(["chitchat"])


def test_serving_in_the_foreground_ends_with_stop() -> None:
    """`serve_forever` returns once another thread calls `stop`."""
    sandbox = Sandbox(["chrts"])
    thread = threading.Thread(target=sandbox.serve_forever)
    thread.start()
    wait_until(lambda: sandbox.port)
    wait_until(lambda: requests.get(f"{sandbox.base_url}/_sandbox", timeout=5).ok)
    sandbox.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_a_port_in_use_is_an_error(sandbox: Sandbox) -> None:
    """An OSError, not the end of the process."""
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=sandbox.port).start()
