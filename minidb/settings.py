"""Run-time settings of a session: what SET, RESET and SHOW know, with types, defaults and units."""

from __future__ import annotations

import re
from typing import Any

from minidb.errors import InvalidParameterValue, NotSupportedError, ObjectInUse, UndefinedObject
from minidb.types import time_zone

PLANNER_SWITCHES = (
    "enable_seqscan", "enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan", "enable_nestloop",
    "enable_hashjoin", "enable_mergejoin", "enable_hashagg", "enable_sort", "enable_material",
)
SIZES = {"": 1024, "b": 1, "kb": 1024, "mb": 1 << 20, "gb": 1 << 30}
TIMES = {"": 0.001, "us": 1e-6, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
BOOLEANS = {"on": True, "true": True, "yes": True, "1": True, "off": False, "false": False, "no": False, "0": False}

TIMEOUTS = ("lock_timeout", "deadlock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")

DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(PLANNER_SWITCHES, True),
    "work_mem": 64 << 20,  # bytes
    "lock_timeout": None,  # seconds; None: for ever
    "deadlock_timeout": 1.0,  # seconds; only its order counts: the smallest is the victim
    "statement_timeout": None,
    "idle_in_transaction_session_timeout": None,
    "minidb.keep_versions": None,  # seconds for which AS OF can look back
    "minidb.transaction_memory": None,  # bytes for the changes of one transaction; None: half of what there is
    "timezone": "UTC",
    "search_path": "public",
    "application_name": "",
    "client_encoding": "UTF8",
    "datestyle": "ISO, MDY",
    "extra_float_digits": 1,
    "synchronous_commit": True,
    "client_min_messages": "notice",
    "standard_conforming_strings": True,
    "default_statistics_target": 100,
    "server_version": "15.0 (minidb)",
    "intervalstyle": "postgres",
}
FIXED = ("server_version", "client_encoding", "standard_conforming_strings", "datestyle", "intervalstyle")


WITHOUT_EFFECT_ON_PLANS = frozenset(
    (*TIMEOUTS, "application_name", "client_min_messages",
     "synchronous_commit", "minidb.keep_versions", "minidb.transaction_memory")
)  # fmt: skip


def profile_of(settings: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What of the settings decides about plans: those that are not at their defaults. Plans are kept for each."""
    return tuple(
        (name, value)
        for name, value in sorted(settings.items())
        if name in DEFAULTS and name not in WITHOUT_EFFECT_ON_PLANS and DEFAULTS[name] != value
    )


def is_custom(name: str) -> bool:
    """Whether the name is one that programs make for themselves: two parts, the first not ours."""
    return "." in name and name not in DEFAULTS and not name.startswith("minidb.")


def search_path(values: tuple[str | int | float, ...]) -> str:
    """Where names are looked for: there is one schema for users. Raises 0A000 for another."""
    names = [part.strip() for value in values for part in str(value).split(",")]
    others = [name for name in names if name.strip('"') not in ("", "public", "$user", "pg_catalog", "pg_temp")]
    if others:
        raise NotSupportedError(
            f"schemas other than public are not supported yet: {others[0]}",
            hint="Names are looked for among the temporary objects, then in public.",
        )
    return ", ".join(names)


def parse_setting(name: str, values: tuple[str | int | float, ...]) -> Any:
    """The value that `SET name = values` gives; raises 42704 for an unknown name, 22023 for a bad value."""
    if is_custom(name):
        return ", ".join(str(value) for value in values)
    if name not in DEFAULTS:
        raise UndefinedObject(f'unrecognized configuration parameter "{name}"')
    if not values:
        return DEFAULTS[name]
    if name == "search_path":
        return search_path(values)
    default = DEFAULTS[name]
    if name in TIMEOUTS or name == "minidb.keep_versions":
        seconds = duration(name, values[0])
        return None if seconds == 0 and name != "deadlock_timeout" else seconds
    if name == "work_mem":
        return size(name, values[0])
    if name == "minidb.transaction_memory":
        return size(name, values[0]) or None
    if name == "timezone":
        return zone(values[0])
    if isinstance(default, bool):
        return boolean(name, values[0])
    if isinstance(default, int):
        return whole(name, values[0])
    return fixed(name, ", ".join(str(value) for value in values))


def fixed(name: str, value: str) -> str:
    """Settings that have one value here accept it, and say so otherwise."""
    if name == "server_version" and value != DEFAULTS[name]:
        raise ObjectInUse(f'parameter "{name}" cannot be changed', sqlstate="55P02")
    if name == "client_encoding" and value.upper().replace("-", "") not in ("UTC", "UTF8", "GMT"):
        raise InvalidParameterValue(f'invalid value for parameter "{name}": "{value}"', hint="It is always UTF8.")
    return value


def zone(value: str | int | float) -> str:
    """A zone's name; a number counts hours east of Greenwich, as in the standard."""
    text = str(value)
    if isinstance(value, int | float):
        text = f"{'-' if value > 0 else '+'}{abs(int(value)):02}:{round(abs(value) % 1 * 60):02}"
    try:
        time_zone(text)
    except InvalidParameterValue:
        raise InvalidParameterValue(f'invalid value for parameter "TimeZone": "{text}"') from None
    return "UTC" if text.upper() in ("UTC", "GMT", "Z") else text


def boolean(name: str, value: Any) -> bool:
    found = BOOLEANS.get(str(value).lower())
    if found is None:
        raise InvalidParameterValue(f'parameter "{name}" requires a Boolean value')
    return found


def whole(name: str, value: Any) -> int:
    try:
        return int(value)
    except ValueError:
        raise InvalidParameterValue(f'invalid value for parameter "{name}": "{value}"') from None


def duration(name: str, value: Any) -> float:
    """Seconds. A bare number counts milliseconds, as in PostgreSQL."""
    return quantity(name, value, TIMES)


def size(name: str, value: Any) -> int:
    """Bytes. A bare number counts kilobytes."""
    return int(quantity(name, value, SIZES))


def quantity(name: str, value: Any, units: dict[str, Any]) -> float:
    match = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*", str(value))
    if match is None or match[2].lower() not in units:
        *names, last = [f'"{unit}"' for unit in units if unit]
        raise InvalidParameterValue(
            f'invalid value for parameter "{name}": "{value}"',
            hint=f"Valid units for this parameter are {', '.join(names)}, and {last}.",
        )
    if float(match[1]) < 0:
        raise InvalidParameterValue(f'{value} is outside the valid range for parameter "{name}" (0 and above)')
    return float(match[1]) * float(units[match[2].lower()])


def show_setting(name: str, value: Any) -> str:
    if value is None:
        return "0"
    if isinstance(value, bool):
        return "on" if value else "off"
    if name in TIMEOUTS or name == "minidb.keep_versions":
        return show_duration(round(value * 1000))
    if name in ("work_mem", "minidb.transaction_memory"):
        return f"{value >> 20}MB" if value % (1 << 20) == 0 else f"{value >> 10}kB"
    return str(value)


def show_duration(milliseconds: int) -> str:
    """In the largest unit that divides it, as PostgreSQL shows times."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"
