"""Integrations are found in our folders and through entry points of installed packages, and imported when asked for."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from plugin.core.errors import ConfigError
from plugin.core.registry import Registry
from tests.support.folders import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, package: str, *points: str) -> None:
    """Put a distribution with these entry points and a module of its name on the path."""
    (folder / f"{package}.py").write_text("class _Vendor:\n    name = 'acme'\n\n\ndestination = _Vendor()\n")
    about = folder / f"{package}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("\n".join(("[crossdock.destinations]", *points)))
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture
def registry() -> Registry[object]:
    """One that has looked at nothing yet."""
    return Registry("plugin.destinations", "destination", "destination")


def test_an_installed_package_is_found_by_its_name(
    registry: Registry[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the built-in ones, and asking for the names does not import it."""
    install(tmp_path, monkeypatch, "acme_vendor", "acme = acme_vendor:destination")
    assert "acme" in registry.names()
    assert "acme_vendor" not in sys.modules
    assert getattr(registry.get("acme"), "name", None) == "acme"


def test_asking_for_names_imports_no_vendor() -> None:
    """Most commands never need one."""
    script = (
        "import sys; from plugin import destinations; destinations.names();"
        "print([name for name in sys.modules if name.startswith('plugin.destinations.')])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("points", "named"),
    [
        (["segment = acme_vendor0:destination"], ["plugin.destinations.segment", "acme_vendor0:"]),
        (["acme = acme_vendor0:destination", "acme = acme_vendor1:destination"], ["acme_vendor0:", "acme_vendor1:"]),
    ],
    ids=["a built-in name", "twice"],
)
def test_two_of_one_name_are_an_error_that_names_both(
    registry: Registry[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: list[str], named: list[str]
) -> None:
    """Which of them deliveries go to must not depend on the order in which packages were installed."""
    for number, point in enumerate(points):
        install(tmp_path, monkeypatch, f"acme_vendor{number}", point)
    with pytest.raises(ConfigError) as raised:
        registry.names()
    assert [one for one in named if one not in str(raised.value)] == []


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ("acme = acme_vendor:nothing", "can't be imported"),
        ("acme = acme_missing:destination", "can't be imported"),
        ("other = acme_vendor:destination", "calls itself 'acme'"),
    ],
)
def test_a_package_that_does_not_hold_it_says_so(
    registry: Registry[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, words: str
) -> None:
    """By the name and the entry point, when it is asked for."""
    install(tmp_path, monkeypatch, "acme_vendor", point)
    with pytest.raises(ConfigError, match=words):
        registry.get(point.partition(" ")[0])
