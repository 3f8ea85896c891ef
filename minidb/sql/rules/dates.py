"""A date that is compared with a moment is compared with a date.

    d < timestamp '1995-10-01 00:00'      d < date '1995-10-01'
    d < timestamp '1995-10-01 08:00'      d <= date '1995-10-01'

`date + interval` is a timestamp, so `d < date '1995-09-01' + interval '1 month'` converts d in every row, and no index
over d or statistics of it would help.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import msgspec

from minidb.sql import plan
from minidb.sql.functions import resolve_operator
from minidb.sql.rules import walk
from minidb.types import DATE

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_BY_DAY = {"<": "<=", "<=": "<=", ">": ">", ">=": ">"}  # for a moment inside a day


def compare_dates(root: plan.Plan) -> plan.Plan:
    return walk.transform(root, _compared)


def _compared(node: Any) -> Any:
    if type(node) is not plan.Operator or node.operator.name not in _TURNED or len(node.arguments) != 2:
        return node
    left, right = node.arguments
    name = node.operator.name
    if isinstance(left, plan.Constant):
        left, right, name = right, left, _TURNED[name]
    date, moment = _date_below(left), right
    if date is None or not isinstance(moment, plan.Constant) or type(moment.value) is not datetime:
        return node
    if moment.type.name != "timestamp":
        return node
    if moment.value.time() != time():
        if name == "=":
            return node
        name = _BY_DAY[name]
    day = plan.Constant(type=DATE, value=moment.value.date(), nullable=False)
    return msgspec.structs.replace(node, operator=resolve_operator(name, DATE, DATE), arguments=(date, day))


def _date_below(expression: plan.Expression) -> plan.Expression | None:
    """What is converted from a date to a timestamp without time zone."""
    if not isinstance(expression, plan.Convert) or expression.type.name != "timestamp":
        return None
    below = expression.argument
    return below if below.type.name == "date" and not isinstance(below, plan.Constant) else None
