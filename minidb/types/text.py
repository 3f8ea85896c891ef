"""Text: what every string must be, and the complaint about one that does not spell its type's value."""

from __future__ import annotations

from minidb import errors


def bad_syntax(type_name: str, text: str) -> errors.InvalidTextRepresentation:
    return errors.InvalidTextRepresentation(f'invalid input syntax for type {type_name}: "{text}"')


def check_text(value: str) -> str:
    """Reject what UTF-8 or PostgreSQL cannot hold: lone surrogates and NUL (22021)."""
    if "\0" in value:
        raise errors.CharacterNotInRepertoire('invalid byte sequence for encoding "UTF8": 0x00')
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            code = f"0x{ord(value[error.start]):04x}"
            raise errors.CharacterNotInRepertoire(
                f'invalid byte sequence for encoding "UTF8": lone surrogate {code}'
            ) from None
    return value


def read_char(text: str) -> str:
    return check_text(text).rstrip(" ")


def strip_blanks(value: str) -> str:
    return value.rstrip(" ")
