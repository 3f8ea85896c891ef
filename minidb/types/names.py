"""The names that SQL has for types, with the modifiers that may stand behind them."""

from __future__ import annotations

from minidb import errors
from minidb.types.sql_type import BASE_TYPES, BIGINT, CHAR, DOUBLE, INTEGER, NUMERIC, REAL, SMALLINT, SqlType, array_of

SERIAL_TYPES = {
    "smallserial": SMALLINT,
    "serial2": SMALLINT,
    "serial": INTEGER,
    "serial4": INTEGER,
    "bigserial": BIGINT,
    "serial8": BIGINT,
}
_ALIASES = {
    "int": "integer",
    "int4": "integer",
    "int2": "smallint",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "float": "double precision",
    "double": "double precision",
    "decimal": "numeric",
    "dec": "numeric",
    "character varying": "varchar",
    "char varying": "varchar",
    "national character varying": "varchar",
    "national char varying": "varchar",
    "nchar varying": "varchar",
    "string": "text",
    "character": "char",
    "national character": "char",
    "national char": "char",
    "nchar": "char",
    "bpchar": "char",
    "regclass": "text",  # the name of a relation, as nextval takes it
    "bool": "boolean",
    "time without time zone": "time",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}
ELSEWHERE = {  # names that other databases have for types
    "datetime": "timestamp",
    "smalldatetime": "timestamp",
    "blob": "bytea",
    "binary": "bytea",
    "varbinary": "bytea",
    "string": "text",
    "clob": "text",
    "longtext": "text",
    "mediumtext": "text",
    "tinytext": "text",
    "nvarchar": "varchar",
    "varchar2": "varchar",
    "nchar": "char",
    "tinyint": "smallint",
    "mediumint": "integer",
    "hugeint": "numeric",
    "number": "numeric",
    "money": "numeric",
    "double": "double precision",
    "bit": "boolean",
}


def type_from_name(name: str, modifiers: tuple[int, ...] = (), at: int | None = None) -> SqlType:
    """The type that SQL calls `name` with the modifiers in its parentheses.

    Args:
        name: in any case, with single blanks: `int`, `timestamp with time zone`, `text[]`.
        modifiers: `(12, 2)` for numeric(12,2).
        at: position of the name in the statement, for the error.
    Raises UndefinedObject (42704), InvalidParameterValue (22023).
    """
    name = " ".join(name.lower().split())
    if name.endswith("[]"):
        return array_of(type_from_name(name.rstrip("[]").rstrip(), modifiers, at))
    canonical = _ALIASES.get(name, name)
    known = BASE_TYPES.get(canonical)
    if known is None or known.category in "PX":
        meant = ELSEWHERE.get(name)
        hint = None if meant is None else f"Here it is called {meant}."
        raise errors.UndefinedObject(f'type "{name}" does not exist', position=at, hint=hint)
    if canonical in ("varchar", "char"):
        return _string_type(known, name, modifiers, at)
    if canonical == "numeric":
        return _numeric_type(modifiers, at)
    if name == "float" and modifiers:
        return _float_type(modifiers, at)
    if not modifiers:
        return known
    if canonical in ("time", "timestamp", "timestamptz", "interval") and len(modifiers) == 1:
        if modifiers[0] < 0:
            raise errors.InvalidParameterValue(f"precision of type {name} must not be negative", position=at)
        # PostgreSQL warns and reduces a precision above 6.
        return SqlType(canonical, precision=min(modifiers[0], 6))
    raise errors.SyntaxError(f'type modifier is not allowed for type "{name}"', position=at)


def _string_type(known: SqlType, name: str, modifiers: tuple[int, ...], at: int | None) -> SqlType:
    if not modifiers:
        return SqlType("char", length=1) if known is CHAR and name != "bpchar" else known
    if len(modifiers) > 1:
        raise errors.InvalidParameterValue("invalid type modifier", position=at)
    if modifiers[0] < 1:
        raise errors.InvalidParameterValue(f"length for type {name} must be at least 1", position=at)
    if modifiers[0] > 10485760:
        raise errors.InvalidParameterValue(f"length for type {name} cannot exceed 10485760", position=at)
    return SqlType(known.name, length=modifiers[0])


def _numeric_type(modifiers: tuple[int, ...], at: int | None) -> SqlType:
    if not modifiers:
        return NUMERIC
    if len(modifiers) > 2:
        raise errors.InvalidParameterValue("invalid NUMERIC type modifier", position=at)
    precision, scale = modifiers if len(modifiers) == 2 else (modifiers[0], 0)
    if not 1 <= precision <= 1000:
        raise errors.InvalidParameterValue(f"NUMERIC precision {precision} must be between 1 and 1000", position=at)
    if not -1000 <= scale <= 1000:
        raise errors.InvalidParameterValue(f"NUMERIC scale {scale} must be between -1000 and 1000", position=at)
    return SqlType("numeric", precision=precision, scale=scale)


def _float_type(modifiers: tuple[int, ...], at: int | None) -> SqlType:
    bits = modifiers[0]
    if bits < 1:
        raise errors.InvalidParameterValue("precision for type float must be at least 1 bit", position=at)
    if bits > 53:
        raise errors.InvalidParameterValue("precision for type float must be less than 54 bits", position=at)
    return REAL if bits <= 24 else DOUBLE
