"""The options of COPY, checked as PostgreSQL checks them."""

from __future__ import annotations

import msgspec

from minidb import errors
from minidb.sql import ast

_FLAGS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


class CopyOptions(msgspec.Struct, frozen=True):
    """`header`: '' for none, 'on', or 'match'. `force_...`: names of columns, None for all of them (`*`)."""

    csv: bool = False
    header: str = ""
    delimiter: str = "\t"
    null: str = "\\N"
    quote: str = '"'
    escape: str = '"'
    encoding: str = "utf-8"
    force_quote: frozenset[str] | None = frozenset()
    force_not_null: frozenset[str] = frozenset()
    force_null: frozenset[str] = frozenset()


def read_options(statement: ast.Copy) -> CopyOptions:
    """Raises 42601 for what is unknown, doubled or contradicts, 0A000 for the binary format, 22023."""
    given: dict[str, ast.Option] = {}
    for option in statement.options:
        name = option.name.lower()
        if name in given:
            raise errors.SyntaxError("conflicting or redundant options", position=option.at)
        if name not in _KNOWN:
            raise errors.SyntaxError(f'option "{name}" not recognized', position=option.at)
        given[name] = option
    csv = _format(given.get("format"))
    texts = {name: _text(option) for name, option in given.items() if name in _TEXTS}
    quote = texts.get("quote", '"')
    options = CopyOptions(
        csv=csv,
        header=_header(given.get("header")),
        delimiter=texts.get("delimiter", "," if csv else "\t"),
        null=texts.get("null", "" if csv else "\\N"),
        quote=quote,
        escape=texts.get("escape", quote),
        encoding=_encoding(given.get("encoding")),
        force_quote=_names(given.get("force_quote")),
        force_not_null=_names(given.get("force_not_null")) or frozenset(),
        force_null=_names(given.get("force_null")) or frozenset(),
    )
    _check(options, statement, given)
    return options


_TEXTS = ("delimiter", "null", "quote", "escape")
_KNOWN = (*_TEXTS, "format", "header", "encoding", "force_quote", "force_not_null", "force_null", "freeze")


def _format(option: ast.Option | None) -> bool:
    name = "text" if option is None else str(option.value).lower()
    if name == "binary":
        raise errors.NotSupportedError("COPY in binary format is not supported", position=_place(option),
                                       hint="The formats are text and csv.")
    if name not in ("text", "csv"):
        raise errors.InvalidParameterValue(f'COPY format "{name}" not recognized', position=_place(option))
    return name == "csv"


def _place(option: ast.Option | None) -> int | None:
    return None if option is None else option.at


def _header(option: ast.Option | None) -> str:
    if option is None:
        return ""
    value = "on" if option.value is None else str(option.value).lower()
    if value == "match":
        return "match"
    if value not in _FLAGS:
        raise errors.SyntaxError("header requires a Boolean value or \"match\"", position=option.at)
    return "on" if _FLAGS[value] else ""


def _text(option: ast.Option) -> str:
    if not isinstance(option.value, str):
        raise errors.SyntaxError(f"{option.name.lower()} requires a parameter", position=option.at)
    return option.value


def _encoding(option: ast.Option | None) -> str:
    import codecs

    name = "utf-8" if option is None else _text(option)
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise errors.InvalidParameterValue(
            'argument to option "encoding" must be a valid encoding name', position=_place(option)
        ) from None


def _names(option: ast.Option | None) -> frozenset[str] | None:
    """The columns of FORCE_QUOTE and its kin: a string of names with commas between, or '*'."""
    if option is None:
        return frozenset()
    value = _text(option)
    return None if value.strip() == "*" else frozenset(name.strip() for name in value.split(","))


def _check(options: CopyOptions, statement: ast.Copy, given: dict[str, ast.Option]) -> None:
    if len(options.delimiter.encode()) != 1:
        raise errors.NotSupportedError("COPY delimiter must be a single one-byte character")
    if options.delimiter in "\r\n":
        raise errors.InvalidParameterValue("COPY delimiter cannot be newline or carriage return")
    if set(options.null) & set("\r\n"):
        raise errors.InvalidParameterValue("COPY null representation cannot use newline or carriage return")
    if not options.csv and options.delimiter in "\\.abcdefghijklmnopqrstuvwxyz0123456789":
        raise errors.InvalidParameterValue(f'COPY delimiter cannot be "{options.delimiter}"')
    _check_csv(options, given)
    if options.delimiter in options.null:
        raise errors.InvalidParameterValue("COPY delimiter must not appear in the NULL specification")
    if options.csv and options.quote in options.null:
        raise errors.InvalidParameterValue("CSV quote character must not appear in the NULL specification")
    if options.header == "match" and statement.direction == "to":
        raise errors.NotSupportedError("cannot use \"match\" with HEADER in COPY TO")
    _check_direction(given, statement, {"force_quote": "to", "force_not_null": "from", "force_null": "from"})


def _check_csv(options: CopyOptions, given: dict[str, ast.Option]) -> None:
    for name in ("quote", "escape", "force_quote", "force_not_null", "force_null"):
        if name in given and not options.csv:
            word = name.replace("_", " ")
            raise errors.NotSupportedError(f"COPY {word} available only in CSV mode", position=given[name].at)
    for name, value in (("quote", options.quote), ("escape", options.escape)):
        if options.csv and len(value.encode()) != 1:
            raise errors.NotSupportedError(f"COPY {name} must be a single one-byte character")
    if options.csv and options.delimiter == options.quote:
        raise errors.InvalidParameterValue("COPY delimiter and quote must be different")


def _check_direction(given: dict[str, ast.Option], statement: ast.Copy, wanted: dict[str, str]) -> None:
    for name, direction in wanted.items():
        if name in given and statement.direction != direction:
            word = name.replace("_", " ")
            raise errors.NotSupportedError(f"COPY {word} only available using COPY {direction.upper()}",
                                           position=given[name].at)


