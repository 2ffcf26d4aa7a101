"""Rules: every condition, the order in which they are asked, and files whose mistakes are pointed at."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from mappings.canonical.orders import Topic
from plugin.core.errors import ConfigError
from plugin.rules import rule_file, selection
from plugin.rules.rule import Facts, Rulebook
from tests.support.carriers import ORDER, Carriers, rules
from tests.support.console import Ran, crossdock
from tests.support.running_line import work_off
from tests.support.shop import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from flask import Flask

    from plugin.sandbox import Sandbox
    from plugin.services import Services
    from tests.conftest import Backend

FACTS = Facts(
    country="CA",
    weight_g=950,
    value=Decimal("75.15"),
    currency="CAD",
    tags=("Gift", "first order"),
    shipping_methods=("Standard (3 to 7 days)",),
    skus=("MUG-LB", "TOWEL-1"),
    financial_status="paid",
    source="web",
    heard=frozenset({Topic.ORDER_CREATED}),
)
UNKNOWN = replace(FACTS, country=None, weight_g=None, tags=(), shipping_methods=(), skus=(), source=None)
# A condition that holds for these facts, and one that does not.
CONDITIONS: dict[str, tuple[object, object]] = {
    "country": (["US", "CA"], "US"),
    "weight_g": ({"min": "950", "max": "2000"}, {"max": "949.9"}),
    "value": ({"min": "75.15", "currency": "CAD"}, {"min": "10", "currency": "EUR"}),
    "tags": ("gift", "gif"),
    "shipping_method": ("standard*", "express*"),
    "sku": ("*-1", "*-2"),
    "financial_status": (["authorized", "paid"], "pending"),
    "currency": ("CAD", "USD"),
    "source": ("WEB", "draft*"),
}


@pytest.fixture
def backend(embedded: Backend) -> Backend:
    """Use SQLite alone: nothing here depends on the kind of database."""
    return embedded


def book(document: object) -> Rulebook:
    """Return rules as they are read from a file and kept."""
    return rule_file.book(rule_file.read(json.dumps(document), "rules.json"))


def takes(rule: dict[str, Any], facts: Facts = FACTS) -> bool:
    """Return whether the rule takes an order of these facts."""
    return book(rules(rule)).rules[0].refusal(facts) is None


@pytest.mark.parametrize("key", CONDITIONS)
def test_every_condition_holds_and_fails(key: str) -> None:
    """As its sentence in the README says, under `when` and, the other way round, under `unless`."""
    right, wrong = CONDITIONS[key]
    assert takes({"when": {key: right}})
    assert not takes({"when": {key: wrong}})
    assert takes({"unless": {key: wrong}})
    assert not takes({"unless": {key: right}})


@pytest.mark.parametrize("key", ["country", "weight_g", "tags", "shipping_method", "sku", "source"])
def test_what_an_order_does_not_say_fits_no_condition(key: str) -> None:
    """An unknown weight is neither light nor heavy."""
    assert not takes({"when": {key: CONDITIONS[key][0]}}, UNKNOWN)
    assert takes({"unless": {key: CONDITIONS[key][0]}}, UNKNOWN)


def test_all_conditions_of_a_rule_must_hold() -> None:
    """And none under `unless`."""
    both = {"country": "CA", "tags": "gift"}
    assert takes({"when": both})
    assert not takes({"when": both | {"tags": "rush"}})
    assert not takes({"when": both, "unless": {"currency": "CAD"}})


def test_a_refusal_says_what_the_order_has_and_what_was_wanted() -> None:
    """For dry-run, in words."""
    (rule,) = book(rules({"when": {"country": ["US", "GB"]}})).rules
    assert rule.refusal(FACTS) == "country is CA, wanted US or GB"
    (rule,) = book(rules({"when": {"value": {"min": "100", "max": "200", "currency": "CAD"}}})).rules
    assert rule.refusal(FACTS) == "value is 75.15 CAD, wanted at least 100 and at most 200 CAD"
    (rule,) = book(rules({"topics": ["order_paid"]})).rules
    assert rule.refusal(FACTS) == "none of order_paid was heard yet"
    (rule,) = book(rules({"unless": {"tags": "gift"}})).rules
    assert rule.refusal(FACTS) == "unless: tags is Gift, first order"


def test_a_star_stands_for_anything_and_nothing_else_does() -> None:
    """Dots, brackets and question marks in SKUs and methods are themselves."""
    facts = replace(FACTS, skus=("A.B[1]?",))
    assert takes({"when": {"sku": "a.b[1]?"}}, facts)
    assert takes({"when": {"sku": "A*?"}}, facts)
    assert not takes({"when": {"sku": "A?B*"}}, facts)


def test_yaml_is_taken_as_it_is_written() -> None:
    """Norway is NO, not `false`; 1e3 and 0x10 are words; a number may stand without quotes."""
    text = "rules:\n- when: {country: NO, tags: [yes, 1e3]}\n  unless: {weight_g: {max: 100}}\n"
    (rule,) = rule_file.book(rule_file.read(text, "rules.yaml")).rules
    assert rule.refusal(replace(FACTS, country="NO", tags=("1E3",))) is None
    assert rule.refusal(replace(FACTS, country="NO", tags=("Yes",), weight_g=100)) is not None


def test_json_may_be_indented_by_tabs() -> None:
    """YAML refuses tabs, editors of JSON write them."""
    assert len(rule_file.book(rule_file.read('{\n\t"rules": [\n\t\t{"name": "all"}\n\t]\n}', "r.json")).rules) == 1


MISTAKES = {
    "a word": (
        "rules:\n- when:\n    contry: CA\n",
        "line 3: rules[1].when.contry: there is no such key; did you mean country?",
    ),
    "a code": ("rules:\n- when:\n    country: [CA, us]\n", "line 3: rules[1].when.country: write two capital letters"),
    "a topic": ("rules:\n- {}\n- topics: order_payed\n", "line 3: rules[2].topics: write one of order_created"),
    "a status": ("rules:\n- when:\n    financial_status: payed\n", "line 3: rules[1].when.financial_status: write one"),
    "a number": ("rules:\n- when:\n    weight_g: {min: heavy}\n", "line 3: rules[1].when.weight_g.min: write a number"),
    "no bounds": ("rules:\n- when:\n    weight_g: {}\n", "line 3: rules[1].when.weight_g: give min, max or both"),
    "bounds": ("rules:\n- when:\n    weight_g: {min: 2, max: 1}\n", "line 3: rules[1].when.weight_g: min is above max"),
    "minutes": ("rules:\n- name: x\n  hold_minutes: 1.5\n", "line 3: rules[1].hold_minutes: write whole minutes"),
    "no value": ("rules:\n- when:\n    tags:\n", "line 3: rules[1].when.tags: write a value, or leave it out"),
    "an empty rule": ("rules:\n- name: x\n-\n", "line 3: rules[2]: write a value, or leave it out"),
    "no rules": ("priority: 1\n", "line 1: rules: missing: write `rules:`"),
    "no rule": ("priority: 1\nrules: []\n", "line 2: rules: write at least one rule"),
    "no mapping": ("- name: x\n", "line 1: write `rules:`"),
    "nothing": ("", "line 1: write `rules:`"),
    "twice": ("rules:\n- name: x\n  name: y\n", "line 3: name is there twice"),
    "no YAML": ("rules:\n- name: [x\n", "line 3: neither YAML nor JSON"),
    "itself": ("rules: &a\n- *a\n", "too deep or too much"),
    "too much": ("# " + "x" * 300_000, "longer than"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_pointed_at(mistake: str) -> None:
    """File, line, place, and what would be right."""
    text, complaint = MISTAKES[mistake]
    with pytest.raises(ConfigError) as raised:
        rule_file.read(text, "rules.yaml")
    assert "rules.yaml" in str(raised.value)
    assert complaint in str(raised.value)


def test_all_mistakes_are_named_at_once() -> None:
    """In the order of their lines."""
    with pytest.raises(ConfigError) as raised:
        rule_file.read("rules:\n- when: {sku: []}\n- naem: x\npriority: high\n", "rules.yaml")
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [f"rules.yaml, line {number}" for number in (2, 3, 4)]


def test_connections_are_asked_by_priority_then_by_age(services: Services, sandbox: Sandbox, app: Flask) -> None:
    """The lower number first; without one it is 100."""
    carriers = Carriers.open(services, sandbox, app, rules({"name": "a"}), rules({"name": "b"}))
    found = services.stores.connections(carriers.shop.store.id)
    assert [item.name for item in selection.shipping(found)] == ["one", "two"]
    carriers.connect("two", rules({"name": "b"}, priority="99"))
    found = services.stores.connections(carriers.shop.store.id)
    assert [item.name for item in selection.shipping(found)] == ["two", "one"]


def test_the_default_weight_of_a_connection_counts(services: Services, sandbox: Sandbox, app: Flask) -> None:
    """Where nobody weighed the goods, the weight that would be booked is the one that is asked about."""
    light = rules({"name": "light", "when": {"weight_g": {"max": "500"}}})
    carriers = Carriers.open(services, sandbox, app, light)
    carriers.connect("one", None, default_weight_g="400")
    lines = [line | {"grams": 0} for line in ORDER["line_items"]]
    carriers.post(line_items=lines, total_weight=0)
    work_off(services)
    assert carriers.live() == ["1"]


@pytest.fixture
def run(environment: Mapping[str, str], services: Services) -> Callable[..., Ran]:
    """Run a command on this test's database."""
    del services
    return functools.partial(crossdock, environment)


@pytest.fixture
def connect(run: Callable[..., Ran]) -> Callable[..., Ran]:
    """Run `crossdock connect chitchats` for a store of its own."""
    store = run("store", "add", "shopify", "demo.myshopify.com", "--secret", "s", "--json").json["id"]
    settings = [f"--set={key}={value}" for key, value in ({"client_id": "1", "token": "t"} | PACKAGE).items()]
    return functools.partial(run, "connect", "chitchats", "--store", store, *settings)


def test_rules_are_shown_kept_and_removed(connect: Callable[..., Ran], run: Callable[..., Ran], tmp_path: Path) -> None:
    """Connecting again with other settings keeps them; `--no-rules` forgets them."""
    file = tmp_path / "rules.yaml"
    file.write_text("priority: 5\nrules:\n- name: north\n  when: {country: [CA, US]}\n")
    made = connect("--rules", str(file), "--json").json
    assert made["rules"] == {"priority": "5", "rules": [{"name": "north", "when": {"country": ["CA", "US"]}}]}
    assert made["books"] == "north (priority 5)"
    assert connect("--set", "default_weight_g=500", "--json").json["rules"] == made["rules"]
    (row,) = run("connections", "--json").json
    assert (row["id"], row["rules"]) == (made["id"], made["rules"])
    assert connect("--no-rules", "--json").json["rules"] is None


def test_a_store_may_have_several_connections_at_one_destination(connect: Callable[..., Ran]) -> None:
    """Each by its own name; the same name again gives the same connection other settings."""
    first, second = connect("--json").json, connect("--name", "express", "--json").json
    assert (first["name"], second["name"]) == ("chitchats", "express")
    assert first["id"] != second["id"]
    assert connect("--name", "express", "--json").json["id"] == second["id"]
    assert connect("--json").json["id"] == first["id"]


def test_what_can_t_be_used_is_said(connect: Callable[..., Ran], run: Callable[..., Ran], tmp_path: Path) -> None:
    """A file with a mistake, one that is not there, rules where nothing is booked, a window that is none."""
    file = tmp_path / "rules.yaml"
    file.write_text("rules:\n- when: {contry: CA}\n")
    ran = connect("--rules", str(file))
    assert ran.status == 1
    assert f"{file}, line 2: rules[1].when.contry" in ran.complaint
    assert "can't be read" in connect("--rules", str(tmp_path / "nowhere.yaml")).complaint
    assert "whole minutes" in connect("--set", "hold_minutes=soon").complaint
    assert "--name" in connect("--name", "a/b").complaint
    file.write_text("rules:\n- name: all\n")
    store = run("store", "list", "--json").json[0]["id"]
    ran = run("connect", "chrts", "--store", store, "--set", "api_key=k", "--rules", str(file))
    assert "chrts books no parcels" in ran.complaint
