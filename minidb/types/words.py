"""Values whose text is one word: boolean, bytea and uuid."""

from __future__ import annotations

import re
from uuid import UUID

from minidb import errors
from minidb.types.text import bad_syntax

_BYTEA_PART = r"([^\\]+)|(\\\\|\\[0-3][0-7]{2}|\\)"
_UUID = r"\{?((?:[0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4})\}?\Z"


def read_boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in ("on", "1") or (word and ("true".startswith(word) or "yes".startswith(word))):
        return True
    if word in ("off", "of", "0") or (word and ("false".startswith(word) or "no".startswith(word))):
        return False
    raise bad_syntax("boolean", text)


def read_bytea(text: str) -> bytes:
    if text.startswith("\\x"):
        return bytes_from_hex(text[2:])
    if "\\" not in text:
        return text.encode()
    out = bytearray()
    for plain, escaped in re.compile(_BYTEA_PART).findall(text):
        if plain:
            out += plain.encode()
        elif escaped == "\\\\":
            out += b"\\"
        elif len(escaped) == 4:
            out.append(int(escaped[1:], 8))
        else:
            raise errors.InvalidTextRepresentation("invalid input syntax for type bytea")
    return bytes(out)


def bytes_from_hex(text: str) -> bytes:
    """Pairs of hexadecimal digits, blanks between them allowed; 22023 for anything else."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    wrong = next((char for char in text if char not in "0123456789abcdefABCDEF \t\n\r"), None)
    if wrong is None:
        raise errors.InvalidParameterValue("invalid hexadecimal data: odd number of digits")
    raise errors.InvalidParameterValue(f'invalid hexadecimal digit: "{wrong}"')


def bytea_text(value: bytes) -> str:
    return "\\x" + value.hex()


def boolean_text(value: bool) -> str:
    """What a cast to text gives; output by psql is `t` and `f`."""
    return "true" if value else "false"


def read_uuid(text: str) -> UUID:
    match = re.compile(_UUID).match(text)
    if match is None or (text[0] == "{") != (text[-1] == "}"):
        raise bad_syntax("uuid", text)
    return UUID(hex=match[1].replace("-", ""))
