"""The promises of docs/durability.md and docs/limits.md link to tests, and the tests are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("durability.md", "limits.md")
PROMISES = {"durability.md": ("The promise", "Damage", "Formats"), "limits.md": ("Memory",)}


def links(page: str) -> dict[str, str]:
    return dict(re.findall(r"^\[(\w+)\]: (\S+)$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_test(page: str) -> None:
    for target in links(page).values():
        path, _, name = target.partition("#")
        source = (DOCS / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {name}\(", source, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES)
def test_every_link_is_used_and_known(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    used = re.findall(r"\]\[(\w+)\]", text)
    assert set(used) == set(links(page))


@pytest.mark.parametrize("page", PAGES)
def test_every_promise_has_a_link(page: str) -> None:
    """Of those sections that promise something, each point and each paragraph but the introductions of tables."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        if title in PROMISES[page]:
            for part in re.split(r"\n\n|\n(?=- )", body.split("\n[")[0].strip()):
                known = part.startswith(("|", "A commit is *acknowledged*"))
                assert known or "][" in part, part


def test_nothing_else_is_a_limit() -> None:
    import minidb.session
    import minidb.sql.parser
    import minidb.statement_cache
    from minidb.txn import schema_changes

    text = (DOCS / "limits.md").read_text(encoding="utf-8")
    for limit in (minidb.session.LONGEST_STATEMENT, minidb.sql.parser.MAX_DEPTH,
                  minidb.statement_cache.MOST_PARAMETERS, schema_changes.MOST_COLUMNS):
        assert f"{limit:,}" in text
