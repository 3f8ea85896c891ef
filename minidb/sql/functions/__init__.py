"""Functions, operators and aggregates: what they are called, which types they take, and what they do.

registry     the records, and PostgreSQL's rules for choosing an overload
catalogue    all functions by name: resolve, resolve_aggregate, resolve_window
operators    all operators: resolve_operator, templates for generated code, CHECKS and HELPERS
text, binary, regex, patterns, math, numeric, datetime, intervals, formatting, number_format, arrays, session
aggregates, windows
"""

from __future__ import annotations

from minidb.sql.functions.catalogue import (
    function_names,
    is_aggregate,
    is_function,
    is_window_function,
    resolve,
    resolve_aggregate,
    resolve_window,
)
from minidb.sql.functions.operators import CHECKS, HELPERS, operator_names, resolve_operator
from minidb.sql.functions.patterns import compile_like, compile_regex, compile_similar, like_prefix, prefix_upper_bound
from minidb.sql.functions.registry import Aggregate, Function, FunctionContext, Operator, WindowFunction

__all__ = [
    "Aggregate",
    "CHECKS",
    "Function",
    "FunctionContext",
    "HELPERS",
    "Operator",
    "WindowFunction",
    "compile_like",
    "compile_regex",
    "compile_similar",
    "function_names",
    "is_aggregate",
    "is_function",
    "is_window_function",
    "like_prefix",
    "operator_names",
    "prefix_upper_bound",
    "resolve",
    "resolve_aggregate",
    "resolve_operator",
    "resolve_window",
]
