"""The regexp_ functions and the forms of substring() that take a pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minidb import errors
from minidb.sql.functions.patterns import compile_regex, similar_source
from minidb.sql.functions.registry import Function
from minidb.types import BOOLEAN, INTEGER, TEXT, array_of

Groups = tuple[str | None, ...]


def _groups(match: re.Match[str]) -> Groups:
    """The groups, or the whole match if the pattern has none."""
    return match.groups() if match.re.groups else (match[0],)


def substring_pattern(value: str, pattern: str) -> str | None:
    """The first match, or its first group."""
    match = compile_regex(pattern).search(value)
    return _groups(match)[0] if match else None


def substring_similar(value: str, pattern: str, escape: str) -> str | None:
    """substring(value SIMILAR pattern ESCAPE escape): the part between the two escape-quote marks.

    What is before it is as short as possible, then the part itself as long as possible."""
    parts = _parts_of(pattern, escape)
    if len(parts) > 3:
        raise errors.DataError(
            "SQL regular expression may not contain more than two escape-double-quote separators", sqlstate="2200C"
        )
    sources = [similar_source(part, escape) for part in parts]
    if compile_regex("".join(sources)).fullmatch(value) is None:
        return None
    if len(parts) == 1:
        return value
    before, middle = compile_regex(sources[0]), compile_regex(sources[1])
    behind, after = compile_regex("".join(sources[1:])), compile_regex("".join(sources[2:]))
    length = len(value)
    start = next(n for n in range(length + 1) if before.fullmatch(value, 0, n) and behind.fullmatch(value, n))
    end = next(n for n in range(length, -1, -1) if middle.fullmatch(value, start, n) and after.fullmatch(value, n))
    return value[start:end]


def _parts_of(pattern: str, escape: str) -> list[str]:
    """The pattern between its escape-quote marks, which are none within brackets."""
    parts, in_class = [""], False
    for piece in re.findall(f"{re.escape(escape)}.|." if escape else ".", pattern, re.DOTALL):
        if piece == escape + '"' and escape and not in_class:
            parts.append("")
            continue
        in_class = piece == "[" or (in_class and piece != "]")
        parts[-1] += piece
    return parts


def _replacement(text: str) -> str:
    r"""PostgreSQL's \1 to \9, \& and \\ as Python's template."""
    out = []
    for part in re.findall(r"\\.|[^\\]+|\\$", text, re.DOTALL):
        if not part.startswith("\\"):
            out.append(part)
        elif part == "\\&":
            out.append(r"\g<0>")
        elif part[1:].isdigit() and part != "\\0":
            out.append(f"\\g<{part[1:]}>")
        else:
            out.append("\\\\" if part in ("\\\\", "\\") else "\\\\" + part[1:])
    return "".join(out)


def regexp_replace(value: str, pattern: str, replacement: str, flags: str = "") -> str:
    return _replace_from(value, pattern, replacement, 1, 0 if "g" in flags else 1, flags)


def regexp_replace_from(value: str, pattern: str, replacement: str, start: int, nth: int = 1, flags: str = "") -> str:
    """Replace the `nth` match from position `start` on; all of them if nth is 0."""
    if nth < 0:
        raise _bad("n", nth)
    return _replace_from(value, pattern, replacement, start, nth, flags)


def _bad(name: str, value: int) -> errors.InvalidParameterValue:
    return errors.InvalidParameterValue(f'invalid value for parameter "{name}": {value}')


def _replace_from(value: str, pattern: str, replacement: str, start: int, nth: int, flags: str) -> str:
    if start < 1:
        raise _bad("start", start)
    compiled = compile_regex(pattern, flags)
    template = _replacement(replacement)
    head, tail = value[: start - 1], value[start - 1 :]
    try:
        if nth in (0, 1):
            return head + compiled.sub(template, tail, count=nth)
        for number, match in enumerate(compiled.finditer(tail), 1):
            if number == nth:
                return head + tail[: match.start()] + match.expand(template) + tail[match.end() :]
    except (re.error, IndexError):
        # a group that the pattern does not have is empty
        return head + compiled.sub(re.sub(r"\\g<[1-9]>", "", template), tail, count=nth)
    return value


def _no_global(flags: str, name: str) -> str:
    if "g" in flags:
        raise errors.InvalidParameterValue(f'{name}() does not support the "global" option')
    return flags


def regexp_match(value: str, pattern: str, flags: str = "") -> Groups | None:
    match = compile_regex(pattern, _no_global(flags, "regexp_match")).search(value)
    return _groups(match) if match else None


def regexp_matches(value: str, pattern: str, flags: str = "") -> Iterator[Groups]:
    compiled = compile_regex(pattern, flags)
    for match in compiled.finditer(value):
        yield _groups(match)
        if "g" not in flags:
            return


def regexp_like(value: str, pattern: str, flags: str = "") -> bool:
    return compile_regex(pattern, _no_global(flags, "regexp_like")).search(value) is not None


def regexp_count(value: str, pattern: str, start: int = 1, flags: str = "") -> int:
    _no_global(flags, "regexp_count")
    if start < 1:
        raise _bad("start", start)
    return sum(1 for _ in compile_regex(pattern, flags).finditer(value, start - 1))


def _nth_match(
    name: str, value: str, pattern: str, start: int, nth: int, flags: str, group: int
) -> re.Match[str] | None:
    if start < 1:
        raise _bad("start", start)
    if nth < 1:
        raise _bad("n", nth)
    if group < 0:
        raise _bad("subexpr", group)
    _no_global(flags, name)
    for number, match in enumerate(compile_regex(pattern, flags).finditer(value, start - 1), 1):
        if number == nth:
            return match
    return None


def regexp_instr(
    value: str, pattern: str, start: int = 1, nth: int = 1, end: int = 0, flags: str = "", group: int = 0
) -> int:
    if end not in (0, 1):
        raise errors.InvalidParameterValue(f'invalid value for parameter "endoption": {end}')
    match = _nth_match("regexp_instr", value, pattern, start, nth, flags, group)
    if match is None or group > match.re.groups:
        return 0
    return (match.end(group) if end else match.start(group)) + 1


def regexp_substr(
    value: str, pattern: str, start: int = 1, nth: int = 1, flags: str = "", group: int = 0
) -> str | None:
    match = _nth_match("regexp_substr", value, pattern, start, nth, flags, group)
    return None if match is None or group > match.re.groups else match[group]


def regexp_split(value: str, pattern: str, flags: str = "") -> tuple[str, ...]:
    """Split at each match; an empty match right after the last one, or at an end, does not count."""
    parts, start = [], 0
    for match in compile_regex(pattern, flags).finditer(value):
        if match.end() == match.start() and match.start() in (start, len(value)):
            continue
        parts.append(value[start : match.start()])
        start = match.end()
    return (*parts, value[start:])


def regexp_split_to_array(value: str, pattern: str, flags: str = "") -> tuple[str, ...]:
    return regexp_split(value, pattern, _no_global(flags, "regexp_split_to_array"))


def regexp_split_to_table(value: str, pattern: str, flags: str = "") -> tuple[str, ...]:
    return regexp_split(value, pattern, _no_global(flags, "regexp_split_to_table"))


def functions() -> Iterator[Function]:
    """All functions of this module."""
    texts = array_of(TEXT)
    two, three = (TEXT, TEXT), (TEXT, TEXT, TEXT)
    yield Function("substring", two, TEXT, substring_pattern)
    for name in ("substring", "substring_similar"):
        yield Function(name, three, TEXT, substring_similar)
    yield Function("regexp_replace", three, TEXT, regexp_replace)
    yield Function("regexp_replace", (*three, TEXT), TEXT, regexp_replace)
    for extra in ((INTEGER,), (INTEGER, INTEGER), (INTEGER, INTEGER, TEXT)):
        yield Function("regexp_replace", three + extra, TEXT, regexp_replace_from)
    for arguments in (two, three):
        yield Function("regexp_match", arguments, texts, regexp_match)
        yield Function("regexp_matches", arguments, texts, regexp_matches, returns_set=True)
        yield Function("regexp_like", arguments, BOOLEAN, regexp_like)
        yield Function("regexp_split_to_array", arguments, texts, regexp_split_to_array)
        yield Function("regexp_split_to_table", arguments, TEXT, regexp_split_to_table, returns_set=True)
    counting = (TEXT, TEXT, INTEGER, TEXT)
    instr = (TEXT, TEXT, INTEGER, INTEGER, INTEGER, TEXT, INTEGER)
    substr = (TEXT, TEXT, INTEGER, INTEGER, TEXT, INTEGER)
    for count in range(2, len(counting) + 1):
        yield Function("regexp_count", counting[:count], INTEGER, regexp_count)
    for count in range(2, len(instr) + 1):
        yield Function("regexp_instr", instr[:count], INTEGER, regexp_instr)
    for count in range(2, len(substr) + 1):
        yield Function("regexp_substr", substr[:count], TEXT, regexp_substr)
