"""Functions on bytea, and between bytes and text: encode, decode, digests, single bytes and bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from minidb import errors
from minidb.sql.functions.registry import Function
from minidb.sql.functions.text import overlay, position, substring
from minidb.types import BIGINT, BYTEA, INTEGER, TEXT, bytes_from_hex, check_text, from_text


def digest(name: str, value: bytes) -> bytes:
    import hashlib  # 5 ms at import, for functions that few statements use

    return hashlib.new(name, value).digest()


def md5_hex(value: str | bytes) -> str:
    return digest("md5", value.encode() if isinstance(value, str) else value).hex()


def _digest(name: str) -> Callable[[bytes], bytes]:
    return lambda value: digest(name, value)


def encode(value: bytes, form: str) -> str:
    kind = form.lower()
    if kind == "hex":
        return value.hex()
    if kind == "base64":
        import binascii

        # lines of 76 characters, as in RFC 2045
        return "\n".join(
            [binascii.b2a_base64(value[i : i + 57], newline=False).decode() for i in range(0, len(value), 57)]
        )
    if kind == "escape":
        return "".join([_escaped(byte) for byte in value])
    raise errors.InvalidParameterValue(f'unrecognized encoding: "{form}"')


def _escaped(byte: int) -> str:
    if byte == 92:
        return "\\\\"
    return f"\\{byte:03o}" if byte == 0 or byte > 127 else chr(byte)


def decode(value: str, form: str) -> bytes:
    kind = form.lower()
    if kind == "hex":
        return bytes_from_hex(value)
    if kind == "base64":
        import binascii

        try:
            return binascii.a2b_base64("".join(value.split()), strict_mode=True) if value.strip() else b""
        except ValueError:
            raise errors.InvalidParameterValue("invalid base64 end sequence") from None
    if kind == "escape":
        escaped: bytes = from_text(BYTEA, value)
        return escaped
    raise errors.InvalidParameterValue(f'unrecognized encoding: "{form}"')


def _check_index(value: bytes, index: int, size: int = 1) -> None:
    if not 0 <= index < len(value) * size:
        raise errors.DataError(f"index {index} out of valid range, 0..{len(value) * size - 1}", sqlstate="2202E")


def get_byte(value: bytes, index: int) -> int:
    _check_index(value, index)
    return value[index]


def set_byte(value: bytes, index: int, byte: int) -> bytes:
    _check_index(value, index)
    return value[:index] + bytes([byte & 255]) + value[index + 1 :]


def get_bit(value: bytes, index: int) -> int:
    _check_index(value, index, 8)
    return value[index // 8] >> (index % 8) & 1


def set_bit(value: bytes, index: int, bit: int) -> bytes:
    _check_index(value, index, 8)
    if bit not in (0, 1):
        raise errors.InvalidParameterValue("new bit must be 0 or 1")
    mask = 1 << index % 8
    old = value[index // 8]
    return set_byte(value, index // 8, old | mask if bit else old & ~mask)


def trim_bytes(value: bytes, characters: bytes) -> bytes:
    return value.strip(characters) if characters else value


def trim_bytes_left(value: bytes, characters: bytes) -> bytes:
    return value.lstrip(characters) if characters else value


def trim_bytes_right(value: bytes, characters: bytes) -> bytes:
    return value.rstrip(characters) if characters else value


def convert_from(value: bytes, encoding: str) -> str:
    try:
        return check_text(value.decode(encoding))
    except LookupError:
        raise errors.InvalidParameterValue(f'invalid source encoding name "{encoding}"') from None
    except UnicodeDecodeError as error:
        raise errors.CharacterNotInRepertoire(
            f'invalid byte sequence for encoding "{encoding.upper()}": 0x{value[error.start]:02x}'
        ) from None


def convert_to(value: str, encoding: str) -> bytes:
    try:
        return value.encode(encoding)
    except LookupError:
        raise errors.InvalidParameterValue(f'invalid destination encoding name "{encoding}"') from None
    except UnicodeEncodeError as error:
        raise errors.DataError(
            f'character "{value[error.start]}" has no equivalent in encoding "{encoding}"', sqlstate="22P05"
        ) from None


def functions() -> Iterator[Function]:
    """All functions of this module."""
    for name in ("length", "octet_length"):
        yield Function(name, (BYTEA,), INTEGER, len, template="len({0})")
    yield Function("bit_length", (BYTEA,), INTEGER, lambda value: len(value) * 8)
    yield Function("bit_count", (BYTEA,), BIGINT, lambda value: int.from_bytes(value, "big").bit_count())
    for name in ("substr", "substring"):
        yield Function(name, (BYTEA, INTEGER), BYTEA, substring)
        yield Function(name, (BYTEA, INTEGER, INTEGER), BYTEA, substring)
    yield Function("overlay", (BYTEA, BYTEA, INTEGER), BYTEA, overlay)
    yield Function("overlay", (BYTEA, BYTEA, INTEGER, INTEGER), BYTEA, overlay)
    yield Function("position", (BYTEA, BYTEA), INTEGER, position)
    yield Function("btrim", (BYTEA, BYTEA), BYTEA, trim_bytes)
    yield Function("ltrim", (BYTEA, BYTEA), BYTEA, trim_bytes_left)
    yield Function("rtrim", (BYTEA, BYTEA), BYTEA, trim_bytes_right)
    yield Function("get_byte", (BYTEA, INTEGER), INTEGER, get_byte)
    yield Function("set_byte", (BYTEA, INTEGER, INTEGER), BYTEA, set_byte)
    yield Function("get_bit", (BYTEA, BIGINT), INTEGER, get_bit)
    yield Function("set_bit", (BYTEA, BIGINT, INTEGER), BYTEA, set_bit)
    yield Function("encode", (BYTEA, TEXT), TEXT, encode)
    yield Function("decode", (TEXT, TEXT), BYTEA, decode)
    yield Function("convert_from", (BYTEA, TEXT), TEXT, convert_from)
    yield Function("convert_to", (TEXT, TEXT), BYTEA, convert_to)
    yield Function("md5", (TEXT,), TEXT, md5_hex)
    yield Function("md5", (BYTEA,), TEXT, md5_hex)
    for name in ("sha224", "sha256", "sha384", "sha512"):
        yield Function(name, (BYTEA,), BYTEA, _digest(name))
