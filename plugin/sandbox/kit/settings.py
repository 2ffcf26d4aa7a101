"""Changing a frozen settings dataclass from JSON."""

from dataclasses import fields, replace
from typing import Any, TypeVar

S = TypeVar("S", bound=Any)


def changed(settings: S, values: dict[str, Any]) -> S:
    """Return `settings` with `values` in place; a ValueError names what is unknown or of another type."""
    known = [field.name for field in fields(settings)]
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"settings: {name} is not one of: {', '.join(known)}")
        if not _fits(getattr(settings, name), value):
            raise ValueError(f"settings: {name} must be of the type of its default, {type(getattr(settings, name))}")
    result: S = replace(settings, **values)
    return result


def _fits(current: object, value: object) -> bool:
    # A bool is an int to Python, and a whole number is as good as a float.
    accepted = (int, float) if isinstance(current, float) else type(current)
    return isinstance(value, accepted) and isinstance(value, bool) == isinstance(current, bool)
