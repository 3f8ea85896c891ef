"""Parameters of all styles, numbered in the user's text, so that a translation may change their order.

    ?        the n-th becomes :minidb_n, and in the end $n
    ?3, $3   :minidb_3
    %s       the n-th, if a sequence of parameters was given; then %% is %
    %(a)s    :a, if a mapping was given
    :a, @a   :a; `@a` is a parameter only where the dialect has no variables, or a mapping was given

Strings, quoted names and comments are skipped in the way of the dialect.
"""

from __future__ import annotations

import re

NUMBERED = "minidb_"
PLAIN = r"'(?:[^']|'')*'"
BACKSLASHES = r"'(?:[^'\\]|\\.|'')*'"
_SKIPPED = {
    "mysql": rf"{BACKSLASHES}|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`|\#[^\n]*",
    "tsql": rf"{PLAIN}|\"[^\"]*\"|\[[^\]]*\]",
    "sqlite": rf"{PLAIN}|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]",
    "bigquery": rf"{BACKSLASHES}|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|\#[^\n]*",
}
_FOUND = r"""(?P<skipped>{skipped}|--[^\n]*|/\*.*?\*/)
  | \?(?P<number>\d*)
  | %%(?P<percent>) | %s\b(?P<format>) | %\((?P<mapped>\w+)\)s
  | (?P<other>::|@@\w+|[@$:]=?)(?P<name>[A-Za-z_]\w*)?(?P<dollar>\d+)?"""


def pattern(dialect: str) -> re.Pattern[str]:
    skipped = _SKIPPED.get(dialect, rf"{PLAIN}|\"[^\"]*\"|`[^`]*`")
    return re.compile(_FOUND.format(skipped=skipped), re.DOTALL | re.VERBOSE)


def numbered(text: str, dialect: str, given: str) -> str:
    """The text with parameters that have names. `given`: 'none', 'sequence' or 'mapping'."""
    count = 0

    def replaced(match: re.Match[str]) -> str:
        nonlocal count
        kind = match.lastgroup if match["skipped"] is None else "skipped"
        if kind == "skipped":
            return match[0]
        if match["number"] is not None:
            count = int(match["number"]) if match["number"] else count + 1
            return f":{NUMBERED}{count}"
        if match["format"] is not None and given == "sequence":
            count += 1
            return f":{NUMBERED}{count}"
        if match["percent"] is not None and given != "none" and uses_format:
            return "%"
        if match["mapped"] is not None and given == "mapping":
            return f":{match['mapped']}"
        return _named(match, dialect, given)

    found = pattern(dialect)
    uses_format = any(m["format"] is not None or m["mapped"] is not None for m in found.finditer(text))
    return found.sub(replaced, text)


def _named(match: re.Match[str], dialect: str, given: str) -> str:
    if match["other"] == "$" and match["dollar"] is not None and match["name"] is None:
        return f":{NUMBERED}{match['dollar']}"
    variables = dialect in ("mysql", "tsql")
    if match["other"] in ("@", "$") and match["name"] and (given == "mapping" or not variables):
        return f":{match['name']}{match['dollar'] or ''}"
    return match[0]


def written(name: str) -> str:
    """A parameter in our own SQL."""
    return f"${name.removeprefix(NUMBERED)}" if name.startswith(NUMBERED) else f":{name}"

