"""What is cited is there: pages of `docs/`, sections of `docs/vendors/NAME.md`; and nothing outside the repository."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.folders import DOCS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

VENDORS = DOCS / "vendors"
NAMES = "|".join(path.stem for path in sorted(VENDORS.glob("*.md")))
NUMBER = r"\d+(?:\.\d+)*"
# `§4`, or several: `§4 to §6`, `§3, §7 and §11`.
SECTIONS = rf"§{NUMBER}(?:(?:, | to | and )§{NUMBER})*"
# Standards have sections too.
RFC = re.compile(rf"RFC \d+,? {SECTIONS}")
CITED = re.compile(rf"docs/vendors/([\w-]+)\.md,? ({SECTIONS})")
PAGE = re.compile(r"(?<![\w./-])docs/[\w./-]*\w")
OLD = re.compile(
    rf"(?<![\w/.-])(?:{NAMES})\.md(?:,? sections?)? \d|\bfact sheets?\b|\bsheets? sections?\b|\breference/[\w-]+\.md"
    r"|\bseed(?:s/| document| file)",
)
FOLDERS = ("plugin", "mappings", "tests", "docs", "benchmarks")
ENDINGS = (".py", ".md")
# Shows what citations look like.
THIS = ("tests/test_citations.py",)


def texts() -> dict[str, str]:
    """Return every text of ours by its path."""
    below = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in ENDINGS)
    files = sorted([*ROOT.glob("*.md"), *below])
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}


TEXTS = {name: text for name, text in texts().items() if name not in THIS}


def one_line(text: str) -> str:
    """Return a text whose lines, of comments too, are one, as a citation may go on in the next."""
    return re.sub(r"\s*\n\s*(?:# |\| |- )?", " ", text)


def sections(page: Path) -> set[str]:
    """Return the numbers of a page's sections: `4`, `6.2`."""
    return set(re.findall(rf"^#+ ({NUMBER})[. ]", page.read_text(encoding="utf-8"), re.MULTILINE))


def missing_sections(text: str) -> list[str]:
    """Return what a text cites of vendors' pages and is not there.

    A section without a page is one of a page that the same text cites.
    """
    missing = []
    for name, numbers in CITED.findall(text):
        page = VENDORS / f"{name}.md"
        known = sections(page) if page.exists() else set()
        missing += [f"{name}.md §{number}" for number in re.findall(NUMBER, numbers) if number not in known]
    named = {name for name in re.findall(r"docs/vendors/([\w-]+)\.md", text) if (VENDORS / f"{name}.md").exists()}
    known = {number for name in named for number in sections(VENDORS / f"{name}.md")}
    missing += [
        f"§{number}" for number in re.findall(rf"§({NUMBER})", RFC.sub("", CITED.sub("", text))) if number not in known
    ]
    return missing


def missing_pages(text: str) -> list[str]:
    """Return the paths below `docs/` that a text names and that do not exist; `NAME` stands for any."""
    named = {found.rstrip("/.") for found in PAGE.findall(text)}
    return sorted(
        name for name in named if "NAME" not in name and "PLATFORM" not in name and not (ROOT / name).exists()
    )


@pytest.mark.parametrize("name", [name for name in TEXTS if not name.startswith("docs/vendors/")])
def test_what_is_cited_exists(name: str) -> None:
    """Pages and sections."""
    text = one_line(TEXTS[name])
    assert missing_pages(text) + missing_sections(text) == []


@pytest.mark.parametrize("name", [name for name in TEXTS if name.startswith("docs/vendors/")])
def test_what_a_vendor_s_page_cites_exists(name: str) -> None:
    """Its own sections, and those of other vendors' pages; paths of the vendors' own documents are theirs."""
    own = {number.split(".")[0] for number in sections(ROOT / name)}
    text = one_line(TEXTS[name])
    assert [
        number for number in re.findall(rf"§({NUMBER})", CITED.sub("", text)) if number.split(".")[0] not in own
    ] == []
    assert missing_sections(" ".join(found.group() for found in CITED.finditer(text))) == []


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_cited_in_an_old_form(name: str) -> None:
    """Sheets that are not in the repository, and sections without their page."""
    assert OLD.findall(one_line(TEXTS[name])) == []


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("(docs/vendors/chrts.md §3)", []),
        ("docs/vendors/chrts.md §2 to §4 and §7", []),
        ("docs/vendors/chrts.md §99", ["chrts.md §99"]),
        ("docs/vendors/nobody.md §1", ["nobody.md §1"]),
        ("see docs/vendors/chrts.md; later (§4)", []),
        ("see docs/vendors/chrts.md; later (§77)", ["§77"]),
        ("a section of nothing (§4)", ["§4"]),
    ],
)
def test_a_missing_section_is_found(text: str, missing: list[str]) -> None:
    """The test itself can fail."""
    assert missing_sections(text) == missing


@pytest.mark.parametrize("text", ["chrts.md section 4", "chrts.md 2", "fact sheet section 3", "`reference/chrts.md`"])
def test_an_old_form_is_found(text: str) -> None:
    """So can this one."""
    assert OLD.search(text)
