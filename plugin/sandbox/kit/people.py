"""Who is one person, as a receiver of customer data sees it: ids that were joined, directly or through others."""

from collections.abc import Iterable

from plugin.sandbox.kit.call import JsonObject


def people_of(
    identifies: Iterable[JsonObject], aliases: Iterable[JsonObject], events: Iterable[JsonObject]
) -> list[JsonObject]:
    """Return every person with all `ids`, the `traits` told of any of them, and the names of their `events`.

    A call of `identifies` and `events` has an `id`, or several as `ids`, which it joins; an alias joins `userId` and
    `previousId`.
    """
    kept = (list(identifies), list(events))
    joined = _Joined()
    for call in (*kept[0], *kept[1]):
        joined.join(*_ids(call))
    for call in aliases:
        joined.join(call["userId"], call["previousId"])
    people: dict[str, JsonObject] = {}
    for one in joined.known():
        people.setdefault(joined.root(one), {"ids": [], "traits": {}, "events": []})["ids"].append(one)
    for call in kept[0]:
        people[joined.root(_ids(call)[0])]["traits"].update(call["traits"])
    for call in kept[1]:
        people[joined.root(_ids(call)[0])]["events"].append(call["name"])
    return list(people.values())


def _ids(call: JsonObject) -> list[str]:
    return list(call["ids"]) if "ids" in call else [call["id"]]


class _Joined:
    """Sets of ids that grow together."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def root(self, one: str) -> str:
        """Return the id that stands for all that were joined to this one."""
        found = one
        while self._parents.setdefault(found, found) != found:
            found = self._parents[found]
        self._parents[one] = found
        return found

    def join(self, first: str, *others: str) -> None:
        """Make them one."""
        for other in (first, *others):
            self._parents[self.root(other)] = self.root(first)

    def known(self) -> list[str]:
        """Return every id, in the order in which they were met."""
        return list(self._parents)
