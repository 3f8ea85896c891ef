"""The names of functions' parameters, for calls with `name => value`, and the values of those that are left out."""

from __future__ import annotations

from minidb import errors

Default = str | None  # the text of an untyped literal; None: the argument must be given

_CHANGE: tuple[tuple[str, Default], ...] = (("jsonb_in", None), ("path", None), ("replacement", None))
_MOMENT: tuple[tuple[str, Default], ...] = tuple(
    [(name, None) for name in ("year", "month", "mday", "hour", "min", "sec")]
)

PARAMETERS: dict[str, tuple[tuple[str, Default], ...]] = {
    "make_interval": tuple([(name, "0") for name in ("years", "months", "weeks", "days", "hours", "mins", "secs")]),
    "make_date": (("year", None), ("month", None), ("day", None)),
    "make_time": (("hour", None), ("min", None), ("sec", None)),
    "make_timestamp": _MOMENT,
    "make_timestamptz": (*_MOMENT, ("timezone", "")),
    **{
        f"jsonb_path_{name}": (("target", None), ("path", None), ("vars", "{}"), ("silent", "false"))
        for question in ("exists", "match", "query", "query_array", "query_first")
        for name in (question, f"{question}_tz")
    },
    "jsonb_set": (*_CHANGE, ("create_if_missing", "true")),
    "jsonb_insert": (*_CHANGE, ("insert_after", "false")),
    "jsonb_set_lax": (*_CHANGE, ("create_if_missing", "true"), ("null_value_treatment", "use_json_null")),
}


def places(function: str, positional: int, named: list[tuple[str, int]]) -> list[int | str]:
    """For each parameter of the call the number of its argument, or the text of its default.

    `named` are the names in the call with their positions in the statement. Raises 42883.
    """
    parameters = PARAMETERS.get(function)
    known = {} if parameters is None else {name: place for place, (name, _) in enumerate(parameters)}
    found: dict[int, int] = {place: place for place in range(positional)}
    for number, (name, at) in enumerate(named, positional):
        place = known.get(name)
        if parameters is None or place is None:
            raise errors.UndefinedFunction(
                f'function {function} has no parameter named "{name}"',
                position=at,
                hint=f"Its parameters are {', '.join(known)}." if known else "Its parameters have no names here.",
            )
        if place in found:
            raise errors.SyntaxError(f'argument name "{name}" used more than once', position=at)
        found[place] = number
    assert parameters is not None
    result: list[int | str] = []
    for place in range(max(found) + 1):
        default = parameters[place][1] if place < len(parameters) else None
        if place not in found and default is None:
            raise errors.UndefinedFunction(f'{function}: argument "{parameters[place][0]}" is missing')
        result.append(found.get(place, default or ""))
    return result
