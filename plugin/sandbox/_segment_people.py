"""Who is who: ids that an identify with both, or an alias, says are of one person (`segment.md` sections 8 and 9)."""

from collections.abc import Iterable

from plugin.sandbox._call import JsonObject


class People:
    """Sets of ids. Which kind an id is does not matter: an alias's previous id may be either."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def meet(self, message: JsonObject) -> None:
        """Learn from one message; only identify and alias join."""
        joins = {"identify": ("userId", "anonymousId"), "alias": ("userId", "previousId")}
        names = joins.get(message["type"])
        for name in names or ("userId", "anonymousId"):
            if message.get(name):
                self._root(message[name])
        if names and all(message.get(name) for name in names):
            self._parents[self._root(message[names[1]])] = self._root(message[names[0]])

    def _root(self, one: str) -> str:
        path = []
        while (parent := self._parents.setdefault(one, one)) != one:
            path.append(one)
            one = parent
        self._parents.update(dict.fromkeys(path, one))
        return one

    def view(self, messages: Iterable[JsonObject]) -> list[JsonObject]:
        """Return every person with all ids, the traits they ended up with and the names of what they did."""
        people: dict[str, JsonObject] = {}
        for one in sorted(self._parents):
            people.setdefault(self._root(one), {"ids": [], "traits": {}, "events": []})["ids"].append(one)
        for message in messages:
            person = people[self._root(message.get("userId") or message["anonymousId"])]
            person["traits"] |= message.get("traits") or {}
            person["events"] += [message["event"]] if message["type"] == "track" else []
        return list(people.values())
