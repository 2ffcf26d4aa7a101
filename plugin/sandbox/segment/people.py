"""Who is who at receivers of Segment's wire format (`segment.md` sections 8 and 9)."""

from collections.abc import Mapping, Sequence

from plugin.sandbox.kit.call import JsonObject
from plugin.sandbox.kit.people import people_of


def who_is_who(told: Mapping[str, Sequence[JsonObject]]) -> list[JsonObject]:
    """Return every person: an identify with both ids joins, and so does an alias; a track does not."""
    names = ("userId", "anonymousId")
    ids = [[one[name] for name in names if one.get(name)] for one in told["identify"]]
    identifies = [
        {"ids": known, "traits": one.get("traits") or {}} for known, one in zip(ids, told["identify"], strict=True)
    ]
    events = [{"id": one.get("userId") or one["anonymousId"], "name": one["event"]} for one in told["track"]]
    return people_of(identifies, told["alias"], events)
