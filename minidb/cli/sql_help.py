"""What `\\h` prints: the `syntax` blocks of the reference, docs/sql.md and docs/sql/; an installed package has a copy.

    merge:                                     a definition: its name, and the text below
        MERGE INTO table ... WHEN ...
      | ...                                    another form of it

The definition `statement` names all others that are statements. Most are called after their words (`create_table`);
some hold several statements, which are found by their first word (`transaction`: BEGIN, COMMIT ...).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from minidb.errors import UndefinedObject

_PACKAGE = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"^```syntax\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DEFINITION = re.compile(r"^([a-z_]+):\n((?:(?: .*)?\n)+)", re.MULTILINE)
_FIRST = re.compile(r"\{ ([A-Z |]+) \}|([A-Z]+)|([a-z_]+)")
_MANY = 3  # more than so many answers are listed by name


@cache
def definitions() -> dict[str, str]:
    """The text of every definition by its name, in the order of the reference; empty if its pages are not there."""
    texts = (page.read_text("utf-8") for page in _pages())
    blocks = [block for text in texts for block in _BLOCK.findall(text)]
    return {name: text.rstrip() for block in blocks for name, text in _DEFINITION.findall(block)}


def _pages() -> list[Path]:
    packed = _PACKAGE / "reference"
    place = packed if packed.is_dir() else _PACKAGE.parent / "docs"
    return [page for page in (place / "sql.md", *sorted((place / "sql").glob("*.md"))) if page.is_file()]


def statements() -> dict[str, str]:
    """The name of each statement, as `CREATE TABLE`, and the definition that it is in."""
    found = {}
    for name in _statement_definitions():
        words = first_words(name)
        own = words == [name.split("_")[0].upper()] and not name.endswith("_statement")
        found.update(dict.fromkeys([_spoken(name)] if own else words, name))
    return dict(sorted(found.items()))


def _statement_definitions() -> list[str]:
    """`select` instead of `query`, which says less."""
    return [{"query": "select"}.get(name, name) for name in re.findall(r"\w+", definitions().get("statement", ""))]


def _spoken(name: str) -> str:
    return name.upper().replace("_", " ")


def first_words(name: str) -> list[str]:
    """The keywords that a definition can begin with."""
    words = []
    for form in forms(definitions().get(name, "")):
        begin = _FIRST.match(_without_options(form))
        if begin is not None and begin[3] is None:
            words += re.findall(r"[A-Z]+", begin[0])
        elif begin is not None and begin[3] != name:
            words += first_words(begin[3])
    return list(dict.fromkeys(words))


def forms(text: str) -> list[str]:
    """The alternatives of a definition."""
    return [form.strip() for form in re.split(r"^  \| | \| (?=[a-z_ |]+$)", text, flags=re.MULTILINE)]


def _without_options(form: str) -> str:
    """The text behind the `[...]` that it begins with."""
    depth = 0
    for place, letter in enumerate(form):
        if depth == 0 and letter not in "[ \n":
            return form[place:]
        depth += {"[": 1, "]": -1}.get(letter, 0)
    return ""


def overview() -> str:
    return "\n".join(["Statements (\\h NAME shows one):", *(f"    {name}" for name in statements())])


def names() -> list[str]:
    """All that `\\h` knows: statements, and the parts that they are made of."""
    return [*statements(), *(name for name in definitions() if name not in statements().values())]


def synopsis(name: str) -> str:
    """How the statement or part called `name` is written; the beginning is enough. Raises UndefinedObject."""
    found = _called(" ".join(name.rstrip(";").split()))
    if not found:
        raise UndefinedObject(f"there is no help for {name}", hint="\\h lists the statements.")
    if len(found) > _MANY:
        return "\n".join(["There are several:", *(f"    {_spoken(each)}" for each in found)])
    return "\n\n".join(_shown(each) for each in found)


def _called(name: str) -> list[str]:
    """The definitions that are meant: by their name, by its beginning, or by the statement's first word."""
    part, wanted = name.lower().replace(" ", "_"), name.upper()
    if part in definitions():
        return [part]
    by_name = [definition for each, definition in statements().items() if each.startswith(wanted)]
    by_word = [definition for definition in _statement_definitions() if wanted.split(" ")[0] in first_words(definition)]
    by_text = [definition for definition in _statement_definitions() if wanted in definitions()[definition]]
    found = (by_name or by_text or by_word) if " " in wanted else (by_word or by_name)
    return list(dict.fromkeys(found)) if wanted else []


def _shown(name: str) -> str:
    text = definitions()[name]
    parts = [word for word in dict.fromkeys(re.findall(r"\b[a-z_]+\b", text)) if word in definitions() and word != name]
    also = f"\nParts: {', '.join(parts)} (\\h {parts[0]})" if parts else ""
    return f"{name}:\n{text}{also}"
