"""The generated pages of `docs/`: everything in them comes from what the modules declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugin import destinations, storefronts
from plugin.core.delivery import STATES
from plugin.core.event import EVENT_STATES
from plugin.delivery.lane_limits import SHARED
from plugin.delivery.transitions import FOLLOWS
from plugin.destinations.base import Labels, Offers, findable, losable, ships, tells_people
from plugin.operations.connections import SHIPPING
from plugin.operations.labels import FORMS
from plugin.settings import VARIABLES
from plugin.storefronts.base import Ignored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from plugin.core.setting import Setting
    from plugin.destinations.base import Destination
    from plugin.storefronts.base import Storefront

_NOTE = "<!-- Written by `crossdock docs`: change the declarations, not this page. -->"
# Folders of which `crossdock docs` writes every page, so that one that it would not write is stale.
_GENERATED_FOLDERS = ("destinations", "topics")


def pages(docs: Path) -> dict[str, str]:
    """Return the text of every page that follows from declarations, by its path below `docs`.

    A page is linked with what people wrote about its vendor where `docs` holds that.
    """
    made = {"environment.md": _environment(), "states.md": _states(), "settings.md": _settings()}
    for name in destinations.names():
        made[f"destinations/{name}.md"] = _destination(destinations.get(name), docs)
    for platform in storefronts.names():
        made[f"topics/{platform}.md"] = _topics(storefronts.get(platform))
    return made


def stale(made: Mapping[str, str], docs: Path) -> list[str]:
    """Return the pages below `docs` that differ from `made`, are missing, or describe what is gone; sorted."""
    differing = {name for name, text in made.items() if _read(docs / name) != text}
    found = {path.relative_to(docs).as_posix() for folder in _GENERATED_FOLDERS for path in docs.glob(f"{folder}/*.md")}
    return sorted(differing | (found - made.keys()))


def write(made: Mapping[str, str], docs: Path) -> list[str]:
    """Write the stale pages below `docs`, remove those of what is gone, and return their names."""
    names = stale(made, docs)
    for name in names:
        path = docs / name
        if name not in made:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[name], encoding="utf-8")
    return names


def page(title: str, *parts: str) -> str:
    """Return a page: its title, the note that it is generated, and its parts with a blank line between them."""
    return "\n\n".join((f"# {title}", _NOTE, *(part.strip() for part in parts if part.strip()))) + "\n"


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown; bars and line ends within its cells are made harmless."""
    head = tuple(columns)
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _environment() -> str:
    intro = (
        "Everything has a default that works on one machine, except the credentials of a platform's app. "
        "`crossdock doctor` shows what is set, what is wrong and what to do."
    )
    parts = [intro, _variables(VARIABLES)]
    for platform in storefronts.names():
        needs = storefronts.get(platform).needs
        if needs:
            parts += [f"## {platform}", _variables(needs, f"{platform.upper()}_")]
    return page("The environment", *parts)


def _variables(declared: Iterable[Setting], prefix: str = "") -> str:
    rows = ((f"`{prefix}{one.key}`", _default(one), one.help) for one in declared)
    return table(("variable", "default", "what it is"), rows)


def _default(setting: Setting) -> str:
    return "required" if setting.required else f"`{setting.default}`" if setting.default else "none"


def _settings_table(declared: Iterable[Setting]) -> str:
    rows = ((f"`{one.key}`", _default(one), one.help) for one in declared)
    return table(("setting", "default", "what it is"), rows)


def _settings() -> str:
    links = (
        f"- [{destinations.get(name).title}](destinations/{name}.md): `crossdock connect {name} --store ID --set …`"
        for name in destinations.names()
    )
    return page(
        "The settings of a connection",
        "`crossdock connect DESTINATION --store ID --set KEY=VALUE …`; connecting again replaces all of them, and what "
        "was held is tried again with the new ones at once. Its rules stay unless others are given. A store may have "
        "several connections at one destination: give each a `--name`.",
        "\n".join(links),
        "## Every destination",
        "Stores that share an account share its limit. A rate is `N/Ts`, `N/Tm` or `N/Th`, several with commas: "
        "`--set rate=8/1s,400/1m`.",
        _settings_table(SHARED),
        "## Destinations that book parcels",
        _settings_table(SHIPPING),
    )


def _destination(vendor: Destination, docs: Path) -> str:
    rate = ",".join(map(str, vendor.limits))
    more = "It has [what every destination has](../settings.md#every-destination)"
    if ships(vendor):
        more += " and [what those have that book parcels](../settings.md#destinations-that-book-parcels)"
    return page(
        vendor.title,
        f"`crossdock connect {vendor.name} --store ID --set …`",
        table(
            ("", ""),
            (("address", f"`{vendor.base_url}`"), ("rate", f"`{rate}`" if rate else "none by default")),
        ),
        "## What it does",
        "\n".join(f"- {ability}" for ability in _abilities(vendor)),
        "## Settings",
        _settings_table(vendor.needs),
        f"{more}.",
        _further(vendor.name, docs),
    )


def _abilities(vendor: Destination) -> Iterator[str]:
    if ships(vendor):
        yield "books parcels: an order goes to one such connection of a store ([rules](../rules.md))"
    if tells_people(vendor):
        yield "hears who did what ([vocabulary](../vocabulary.md))"
    if findable(vendor):
        yield "can be asked whether a call whose answer was lost took effect"
    if losable(vendor):
        yield "has calls that nobody can look up: what becomes of a lost answer is a setting or a fixed choice"
    if isinstance(vendor, Labels):
        forms = ", ".join(f"`{form}`" for form in FORMS)
        yield f"has labels that can be read again: `crossdock shipments label ID` ({forms}, as far as it has them)"
    if isinstance(vendor, Offers):
        names = ", ".join(listing.name for listing in vendor.listings)
        yield f"lists what its account offers: {names} (`crossdock services {vendor.name} --store ID`)"
    if not isinstance(vendor, Labels | Offers) and not (ships(vendor) or findable(vendor) or losable(vendor)):
        yield "takes the calls that its settings ask for"


def _further(name: str, docs: Path) -> str:
    pages_of_people = (
        (f"vendors/{name}.md", "What is known of the vendor and how it is used"),
        (f"traps-{name}.md", "Each of its traps, and the test of it"),
    )
    found = [f"- [{text}](../{path})" for path, text in pages_of_people if (docs / path).exists()]
    return "\n".join(["## Read on\n", *found]) if found else ""


def _states() -> str:
    outcomes = ((f"`{kind.__name__}`", _first_sentence(kind), follows) for kind, follows in FOLLOWS.items())
    return page(
        "States and outcomes",
        "## Events",
        "An event is one accepted webhook: `crossdock events list --state STATE`.",
        table(("state", "meaning"), ((f"`{state}`", meaning) for state, meaning in EVENT_STATES.items())),
        "## Deliveries",
        "A delivery is one call owed to one connection: `crossdock deliveries list --state STATE`.",
        table(("state", "meaning"), ((f"`{state}`", meaning) for state, meaning in STATES.items())),
        "## Outcomes of a call, and what follows",
        table(("outcome", "what it says", "what follows"), outcomes),
    )


def _first_sentence(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split()).split(". ")[0].rstrip(".")


def _topics(storefront: Storefront) -> str:
    handled = {name: topic for name, topic in storefront.topics.items() if not isinstance(topic, Ignored)}
    ignored = {name: topic.reason for name, topic in storefront.topics.items() if isinstance(topic, Ignored)}
    return page(
        f"Topics of {storefront.name}",
        "A topic that stands in neither table is stored and shown: `crossdock events list --state unknown`.",
        "## Handled",
        table(("topic", "is taken as"), ((f"`{name}`", f"`{topic}`") for name, topic in sorted(handled.items()))),
        "## Left alone on purpose",
        table(("topic", "why"), ((f"`{name}`", reason) for name, reason in sorted(ignored.items()))),
    )
