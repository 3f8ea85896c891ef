"""Arrays and records as text, `{1,NULL,"a b"}` and `(1,,"a b")`: their items between braces, commas and quotes.

What an item means is its type's affair: items come out and go in as text, None for NULL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from minidb import errors

_ITEM = r'(?s)\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^\\",{}]|\\.)+))\s*([,}])'
_ARRAY_QUOTE = r'[\s{},"\\]|\A\Z|\A[nN][uU][lL][lL]\Z'


def array_items(text: str) -> Iterator[str | None]:
    """The items of an array's text, one by one. Raises InvalidTextRepresentation (22P02)."""
    body = _without_bounds(text.strip())
    if re.match(r"\{\s*\{|\[", body):
        raise errors.NotSupportedError("arrays have one dimension")
    if not body.startswith("{"):
        raise _malformed(text, 'Array value must start with "{" or dimension information.')
    if body[1:].strip() == "}":
        return
    position, end = 1, ""
    while end != "}":
        match = re.compile(_ITEM).match(body, position)
        if match is None:
            raise _malformed(text)
        quoted, bare, end = match.groups()
        position = match.end()
        yield _item(quoted, bare)
    if position != len(body):
        raise _malformed(text)


def _without_bounds(body: str) -> str:
    """What stands behind the bounds of `[1:3]={1,2,3}`."""
    bounds = re.match(r"\[\s*([+-]?\d+)\s*:\s*([+-]?\d+)\s*\]\s*=\s*", body)
    if bounds is None:
        return body
    if int(bounds[1]) != 1:
        raise errors.NotSupportedError("arrays begin with subscript 1")
    return body[bounds.end() :]


def _malformed(text: str, detail: str | None = None) -> errors.InvalidTextRepresentation:
    return errors.InvalidTextRepresentation(f'malformed array literal: "{text}"', detail=detail)


def _item(quoted: str | None, bare: str | None) -> str | None:
    if quoted is not None:
        return _unescaped(quoted)
    word = (bare or "").strip()
    return None if word.lower() == "null" else _unescaped(word)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def array_text(items: Iterable[str | None]) -> str:
    return "{" + ",".join(["NULL" if item is None else _array_item(item) for item in items]) + "}"


def _array_item(text: str) -> str:
    if re.compile(_ARRAY_QUOTE).search(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


def record_text(items: Iterable[str | None]) -> str:
    return "(" + ",".join(["" if item is None else _record_item(item) for item in items]) + ")"


def _record_item(text: str) -> str:
    if not text or re.search(r'[\s(),"\\]', text):
        return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'
    return text
