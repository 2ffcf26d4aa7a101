"""The receiver of every benchmark: raw sockets in a process of its own, one answer for all, counted as it arrives.

Run as `python -m benchmarks._sink PORT RULES`; RULES is JSON: for each account, which is the first part of the path, a
`Rule`. It answers over ten thousand calls a second on half a core, so that it is never what limits. `GET /_seen` and
`GET /_count` tell what came, `GET /_forget` starts anew; none of them is counted.
"""

from __future__ import annotations

import heapq
import json
import random
import select
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

_HEAD = "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
_FINE = (_HEAD.format("200 OK", 30) + '{"status":true,"success":true}').encode()
_OVER = (_HEAD.format("429 Too Many Requests\r\nRetry-After: 1", 2) + "{}").encode()
_ITEM = b'"messageId"'
_SEED = 20_261_125


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One account: seconds of delay before a call is counted and after it, and random ones up to so much besides.

    With `count`, at most so many arrivals are taken within any `window` seconds; one more is answered 429.
    """

    before: float = 0.0
    after: float = 0.0
    jitter_before: float = 0.0
    jitter_after: float = 0.0
    count: int = 0
    window: float = 0.0


@dataclass(slots=True)
class _Account:
    """What came: when each taken call arrived, how many items each held, how many were refused, most at once."""

    rule: Rule
    taken: list[float] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    refused: int = 0
    flying: int = 0
    most: int = 0

    def admit(self, now: float, items: int) -> bool:
        """Count one arrival, as strictly as "within any window" can be read."""
        count = self.rule.count
        if count and len(self.taken) >= count and now - self.taken[-count] < self.rule.window:
            self.refused += 1
            return False
        self.taken.append(now)
        self.items.append(items)
        return True

    def count(self) -> int:
        """How many items were taken."""
        return sum(self.items)

    def seen(self) -> dict[str, object]:
        """As JSON values."""
        return {"taken": self.taken, "items": self.items, "refused": self.refused, "most": self.most}


@dataclass(slots=True, eq=False)
class _Client:
    """One connection, with what was received and not read yet."""

    socket: socket.socket
    received: bytes = b""


@dataclass(slots=True, order=True)
class _Later:
    """Something to do at a time: count a call that is under way (`answer` is None), or send its answer."""

    at: float
    number: int
    client: _Client = field(compare=False)
    account: _Account = field(compare=False)
    items: int = field(compare=False)
    answer: bytes | None = field(compare=False)


class Server:
    """One thread, one epoll, one heap of what is to happen later."""

    def __init__(self, port: int, rules: Mapping[str, Rule]) -> None:
        self._listening = socket.create_server(("127.0.0.1", port), backlog=1024)
        self._listening.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._listening.fileno(), select.EPOLLIN)
        self._clients: dict[int, _Client] = {}
        self._later: list[_Later] = []
        self._number = 0
        self._random = random.Random(_SEED)
        self._rules = {name.encode(): rule for name, rule in rules.items()}
        self._accounts = {name: _Account(rule) for name, rule in self._rules.items()}

    def run(self) -> None:
        """Until the process is ended."""
        while True:
            patience = max(0.0, self._later[0].at - time.monotonic()) if self._later else -1
            for number, _ in self._epoll.poll(patience):
                if number == self._listening.fileno():
                    self._accept()
                else:
                    self._read(self._clients[number])
            while self._later and self._later[0].at <= time.monotonic():
                self._go_on(heapq.heappop(self._later))

    def _accept(self) -> None:
        made, _ = self._listening.accept()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients[made.fileno()] = _Client(made)
        self._epoll.register(made.fileno(), select.EPOLLIN)

    def _read(self, client: _Client) -> None:
        try:
            more = client.socket.recv(1 << 20)
        except OSError:
            more = b""
        if not more:
            self._epoll.unregister(client.socket.fileno())
            del self._clients[client.socket.fileno()]
            client.socket.close()
            return
        client.received += more
        end = client.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = client.received[:end].lower()
        at = head.find(b"content-length:")
        whole = end + 4 + (int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0)
        if len(client.received) >= whole:
            request, client.received = client.received[:whole], client.received[whole:]
            self._take(client, request)

    def _take(self, client: _Client, request: bytes) -> None:
        name = request.split(b" ", 2)[1].split(b"/", 2)[1]
        if name.startswith(b"_"):
            self._tell(client, name)
            return
        account = self._accounts[name]
        account.flying += 1
        account.most = max(account.most, account.flying)
        rule = account.rule
        delay = rule.before + (self._random.random() * rule.jitter_before if rule.jitter_before else 0)
        self._after(delay, client, account, max(1, request.count(_ITEM)), None)

    def _after(self, delay: float, client: _Client, account: _Account, items: int, answer: bytes | None) -> None:
        self._number += 1
        step = _Later(time.monotonic() + delay, self._number, client, account, items, answer)
        if delay:
            heapq.heappush(self._later, step)
        else:
            self._go_on(step)

    def _go_on(self, step: _Later) -> None:
        account = step.account
        if step.answer is None:
            answer = _FINE if account.admit(time.monotonic(), step.items) else _OVER
            rule = account.rule
            delay = rule.after + (self._random.random() * rule.jitter_after if rule.jitter_after else 0)
            self._after(delay, step.client, account, step.items, answer)
        else:
            account.flying -= 1
            self._send(step.client, step.answer)

    def _tell(self, client: _Client, what: bytes) -> None:
        if what == b"_forget":
            self._accounts = {name: _Account(rule) for name, rule in self._rules.items()}
        told = _Account.seen if what == b"_seen" else _Account.count
        body = json.dumps({name.decode(): told(account) for name, account in self._accounts.items()})
        self._send(client, (_HEAD.format("200 OK", len(body)) + body).encode())

    def _send(self, client: _Client, answer: bytes) -> None:
        try:
            client.socket.sendall(answer)
        except OSError:
            # Whoever asked is gone; the end of the connection is read in its turn.
            return


def main() -> None:
    """Serve."""
    rules = {name: Rule(**rule) for name, rule in json.loads(sys.argv[2]).items()}
    Server(int(sys.argv[1]), rules).run()


if __name__ == "__main__":
    main()
