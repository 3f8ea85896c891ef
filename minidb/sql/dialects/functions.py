"""Functions that other databases call differently: by name, with the arguments in their places.

A template is an expression of ours with `:a`, `:b` ... for the arguments. What is not in the tables is left to sqlglot,
and what that leaves has the name that the user wrote; if there is no such function here, the error says so.
"""

from __future__ import annotations

from functools import cache

from sqlglot import exp, parse_one

from minidb.sql.dialects.names import Names

NOW = "CURRENT_TIMESTAMP AT TIME ZONE 'UTC'"
SECONDS = "CAST(FLOOR(EXTRACT(EPOCH FROM {})) AS BIGINT)"
SQLITE_TYPE = (
    "CASE WHEN :a IS NULL THEN 'null'"
    " WHEN CAST(PG_TYPEOF(:a) AS TEXT) IN ('smallint', 'integer', 'bigint') THEN 'integer'"
    " WHEN CAST(PG_TYPEOF(:a) AS TEXT) IN ('real', 'double precision', 'numeric') THEN 'real'"
    " WHEN CAST(PG_TYPEOF(:a) AS TEXT) = 'bytea' THEN 'blob' ELSE 'text' END"
)
TEMPLATES: dict[str, dict[tuple[str, int], str]] = {
    "sqlite": {
        ("DATETIME", 0): f"DATE_TRUNC('second', {NOW})",
        ("JULIANDAY", 1): "EXTRACT(EPOCH FROM CAST(:a AS TIMESTAMP)) / 86400 + 2440587.5",
        ("UNIXEPOCH", 1): SECONDS.format("CAST(:a AS TIMESTAMP)"),
        ("UNIXEPOCH", 0): SECONDS.format(NOW),
        ("TOTAL", 1): "COALESCE(SUM(:a), 0.0)",
        ("HEX", 1): "UPPER(ENCODE(:a, 'hex'))",
        ("LAST_INSERT_ROWID", 0): "LASTVAL()",
        ("UNICODE", 1): "ASCII(:a)",
        ("CHAR", 1): "CHR(:a)",
        ("QUOTE", 1): "QUOTE_NULLABLE(:a)",
        ("SQLITE_VERSION", 0): "VERSION()",
        ("RANDOM", 0): "CAST((RANDOM() - 0.5) * 18446744073709000000 AS BIGINT)",
        ("TYPEOF", 1): SQLITE_TYPE,
        ("ZEROBLOB", 1): "DECODE(REPEAT('00', :a), 'hex')",
        ("JSON_ARRAY_LENGTH", 1): "JSONB_ARRAY_LENGTH(CAST(:a AS JSONB))",
    },
    "mysql": {
        ("LAST_INSERT_ID", 0): "LASTVAL()",
        ("UNIX_TIMESTAMP", 0): SECONDS.format("NOW()"),
        ("UNIX_TIMESTAMP", 1): SECONDS.format("CAST(:a AS TIMESTAMP)"),
        ("FROM_UNIXTIME", 1): "CAST(TO_TIMESTAMP(:a) AS TIMESTAMP)",
        ("UTC_TIMESTAMP", 0): NOW,
        ("HEX", 1): "UPPER(ENCODE(:a, 'hex'))",
        ("BIT_LENGTH", 1): "OCTET_LENGTH(:a) * 8",
        ("CURTIME", 0): "LOCALTIME",
        ("SPACE", 1): "REPEAT(' ', :a)",
        ("LCASE", 1): "LOWER(:a)",
        ("UCASE", 1): "UPPER(:a)",
        ("DATABASE", 0): "CURRENT_DATABASE()",
        ("CONNECTION_ID", 0): "1",
        ("RAND", 0): "RANDOM()",
        ("FIND_IN_SET", 2): "COALESCE(ARRAY_POSITION(STRING_TO_ARRAY(:b, ','), :a), 0)",
        ("WEEKDAY", 1): "CAST(EXTRACT(ISODOW FROM CAST(:a AS DATE)) AS INT) - 1",
        ("DAYOFWEEK", 1): "CAST(EXTRACT(DOW FROM CAST(:a AS DATE)) AS INT) + 1",
        ("DAYNAME", 1): "TO_CHAR(CAST(:a AS DATE), 'FMDay')",
        ("MONTHNAME", 1): "TO_CHAR(CAST(:a AS DATE), 'FMMonth')",
        ("LAST_DAY", 1): "CAST(DATE_TRUNC('month', CAST(:a AS DATE)) + INTERVAL '1 month -1 day' AS DATE)",
    },
    "tsql": {
        ("SYSDATETIME", 0): "LOCALTIMESTAMP",
        ("GETUTCDATE", 0): NOW,
        ("SCOPE_IDENTITY", 0): "LASTVAL()",
        ("DATALENGTH", 1): "OCTET_LENGTH(:a)",
        ("SPACE", 1): "REPEAT(' ', :a)",
        ("REPLICATE", 2): "REPEAT(:a, :b)",
        ("SQUARE", 1): "POWER(:a, 2)",
    },
    "duckdb": {
        ("TYPEOF", 1): "UPPER(CAST(PG_TYPEOF(:a) AS TEXT))",
        ("EPOCH_MS", 1): "CAST(EXTRACT(EPOCH FROM :a) * 1000 AS BIGINT)",
        ("LIST_COUNT", 1): "CARDINALITY(:a)",
        ("MODE", 1): "MODE() WITHIN GROUP (ORDER BY :a)",
    },
}
SHIFTED = {"DATETIME": "TIMESTAMP", "DATE": "DATE", "TIME": "TIME"}
STARTS = {"year": "year", "month": "month", "day": "day"}
PIECES = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS", "%j": "DDD", "%f": "SS.MS",
          "%w": "D", "%%": "%", "%F": "YYYY-MM-DD", "%T": "HH24:MI:SS", "%R": "HH24:MI"}


NAMES: dict[type[exp.Expr], str] = {  # what sqlglot knows as a node of its own, by the name that the tables have
    exp.Typeof: "TYPEOF", exp.DayOfWeek: "DAYOFWEEK", exp.LastDay: "LAST_DAY", exp.Dayname: "DAYNAME",
    exp.Monthname: "MONTHNAME", exp.Mode: "MODE",
}  # fmt: skip


def _json_part(node: exp.JSONExtract | exp.JSONExtractScalar) -> exp.Expr:
    """A path of keys and places, as `#>` takes it."""
    path = node.expression
    steps = path.expressions[1:] if isinstance(path, exp.JSONPath) else []
    if not steps or not all(isinstance(step, exp.JSONPathKey | exp.JSONPathSubscript) for step in steps):
        return node
    words = ",".join(f'"{step.this}"' if isinstance(step, exp.JSONPathKey) else str(step.this) for step in steps)
    kind = exp.JSONBExtractScalar if isinstance(node, exp.JSONExtractScalar) else exp.JSONBExtract
    document = exp.cast(node.this.copy(), "JSONB")
    return exp.paren(kind(this=document, expression=exp.Literal.string("{" + words + "}")))


def _json_object(node: exp.JSONObject) -> exp.Expr:
    pairs = [part for pair in node.expressions for part in (pair.this, pair.expression)]
    return exp.Anonymous(this="JSON_BUILD_OBJECT", expressions=pairs)


@cache
def template(text: str) -> exp.Expr:
    return parse_one(text, read="postgres")


def filled(text: str, arguments: list[exp.Expr]) -> exp.Expr:
    named = dict(zip("abcd", arguments))
    tree = template(text).copy()
    for placeholder in list(tree.find_all(exp.Placeholder)):
        placeholder.replace(named[placeholder.name].copy())
    return exp.paren(tree) if isinstance(tree, exp.Binary) else tree


def rewrite_function(node: exp.Expr, names: Names) -> exp.Expr:
    if isinstance(node, exp.Anonymous):
        return _anonymous(node, names)
    found = TEMPLATES.get(names.dialect, {}).get((NAMES.get(type(node), ""), 1))
    if found is not None:
        return filled(found, [node.this])
    if isinstance(node, exp.RegexpExtract):
        return filled("SUBSTRING(:a FROM :b)", [node.this, node.expression])
    if isinstance(node, exp.Split):
        return filled("STRING_TO_ARRAY(:a, :b)", [node.this, node.expression])
    if isinstance(node, exp.JSONExtract | exp.JSONExtractScalar):
        return _json_part(node)
    if isinstance(node, exp.JSONObject) and not isinstance(node.parent, exp.Cast):
        return _json_object(node)
    if names.dialect == "sqlite":
        return _of_sqlite(node)
    if names.dialect == "mysql":
        return _of_mysql(node)
    if names.dialect == "tsql":
        return _of_tsql(node)
    return node


def _anonymous(node: exp.Anonymous, names: Names) -> exp.Expr:
    name, arguments = node.name.upper(), node.expressions
    if names.dialect == "sqlite" and name in SHIFTED and arguments:
        moment = sqlite_moment(arguments)
        return node if moment is None else exp.cast(moment, SHIFTED[name])
    if names.dialect in ("sqlite", "mysql") and name == "JSON_ARRAY":
        return exp.Anonymous(this="JSON_BUILD_ARRAY", expressions=arguments)
    if names.dialect == "sqlite" and name in ("PRINTF", "FORMAT"):
        return exp.Anonymous(this="FORMAT", expressions=[_format_text(arguments[0]), *arguments[1:]])
    found = TEMPLATES.get(names.dialect, {}).get((name, len(arguments)))
    return node if found is None else filled(found, arguments)


def _format_text(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Literal) and node.is_string:
        return exp.Literal.string(node.this.replace("%d", "%s").replace("%i", "%s"))
    return node


# -- SQLite's dates


def sqlite_moment(arguments: list[exp.Expr]) -> exp.Expr | None:
    """`'now', '-1 day', 'start of month'` as a timestamp to the second; None for what is not known."""
    first, *modifiers = arguments
    is_now = isinstance(first, exp.Literal) and first.is_string and first.this.lower() == "now"
    moment = template(f"DATE_TRUNC('second', {NOW})").copy() if is_now else exp.cast(first.copy(), "TIMESTAMP")
    for modifier in modifiers:
        if not isinstance(modifier, exp.Literal) or not modifier.is_string:
            moment = exp.Add(this=moment, expression=exp.cast(modifier.copy(), "INTERVAL"))
            continue
        words = modifier.this.lower().split()
        if words in (["localtime"], ["utc"], ["subsec"]):
            continue
        if words[:2] == ["start", "of"] and len(words) == 3 and words[2] in STARTS:
            moment = exp.Anonymous(this="DATE_TRUNC", expressions=[exp.Literal.string(words[2]), moment])
        elif words == ["unixepoch"]:
            moment = exp.cast(exp.Anonymous(this="TO_TIMESTAMP", expressions=[first.copy()]), "TIMESTAMP")
        elif len(words) == 2:
            span = exp.cast(exp.Literal.string(modifier.this.lower()), "INTERVAL")
            moment = exp.Add(this=moment, expression=span)
        else:
            return None
    return exp.paren(moment) if isinstance(moment, exp.Add) else moment


def _of_sqlite(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Like) and not isinstance(node.parent, exp.Escape):
        return exp.ILike(this=node.this, expression=node.expression)
    if isinstance(node, exp.Rand):
        return filled(TEMPLATES["sqlite"]["RANDOM", 0], [])
    if isinstance(node, exp.Date | exp.TsOrDsToDate | exp.Datetime | exp.Time):
        return _moment_of(node)
    if isinstance(node, exp.TimeToStr):
        return _strftime(node)
    if isinstance(node, exp.Glob) and isinstance(node.expression, exp.Literal):
        return exp.RegexpLike(this=node.this, expression=exp.Literal.string(_glob(node.expression.this)))
    if isinstance(node, exp.Hex):
        return filled(TEMPLATES["sqlite"]["HEX", 1], [node.this])
    return node


def _moment_of(node: exp.Expr) -> exp.Expr:
    others = [node.args.get("zone"), node.args.get("expression"), *(node.args.get("expressions") or [])]
    point = sqlite_moment([node.this, *[each for each in others if each is not None]])
    kind = "TIMESTAMP" if isinstance(node, exp.Datetime) else "TIME" if isinstance(node, exp.Time) else "DATE"
    return node if point is None else exp.cast(point, kind)


def _strftime(node: exp.TimeToStr) -> exp.Expr:
    moment = node.this
    inner = moment.this if isinstance(moment, exp.TsOrDsToTimestamp | exp.Cast) else moment
    point = sqlite_moment([inner])
    assert point is not None
    text = node.args["format"].this
    if text == "%s":
        return exp.cast(filled(SECONDS.format(":a"), [point]), "TEXT")
    for piece, ours in PIECES.items():
        text = text.replace(piece, ours)
    return exp.Anonymous(this="TO_CHAR", expressions=[point, exp.Literal.string(text)])


def _glob(text: str) -> str:
    meanings = {"*": ".*", "?": ".", "[": "[", "]": "]", "^": "^", "-": "-"}
    plain = {letter: "\\" + letter for letter in ".+(){}|$\\"}
    return "^" + "".join({**plain, **meanings}.get(letter, letter) for letter in text) + "$"


# -- MySQL


def _of_mysql(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Length) and node.args.get("binary"):
        return exp.Anonymous(this="OCTET_LENGTH", expressions=[node.this])
    if isinstance(node, exp.Concat):
        return _joined([_as_text(part) for part in node.expressions])
    if isinstance(node, exp.TimestampDiff):
        unit = "SECOND" if node.unit is None else node.unit.name.upper()
        return filled(_DIFFERENCES[unit], [node.this, node.expression]) if unit in _DIFFERENCES else node
    untyped = isinstance(node.this, exp.Literal | exp.Placeholder)
    if isinstance(node, exp.DateAdd | exp.DateSub | exp.TsOrDsAdd) and untyped:
        node.set("this", exp.cast(node.this.copy(), "TIMESTAMP"))
    if isinstance(node, exp.Year | exp.Month | exp.Day | exp.Hour | exp.Minute | exp.Second | exp.Quarter | exp.Week):
        return node if isinstance(node.parent, exp.Cast) else exp.cast(node.copy(), "INT")
    if isinstance(node, exp.SubstringIndex) and _is_positive(node.args.get("count")):
        pieces = [node.this, node.args["delimiter"], node.args["count"]]
        return filled("ARRAY_TO_STRING((STRING_TO_ARRAY(:a, :b))[1 : :c], :b)", pieces)
    if isinstance(node, exp.IntDiv):
        return node if isinstance(node.parent, exp.Cast) else exp.cast(node.copy(), "BIGINT")
    return node


def _is_positive(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string


_DIFFERENCES = {
    unit: f"CAST(TRUNC(EXTRACT(EPOCH FROM CAST(:a AS TIMESTAMP) - CAST(:b AS TIMESTAMP)) / {size}) AS BIGINT)"
    for unit, size in (("SECOND", 1), ("MINUTE", 60), ("HOUR", 3600), ("DAY", 86400), ("WEEK", 604800))
}


def _as_text(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Literal) and node.is_string:
        return node
    return exp.cast(node.copy(), "TEXT")


def _joined(parts: list[exp.Expr]) -> exp.Expr:
    joined = parts[0]
    for part in parts[1:]:
        joined = exp.DPipe(this=joined, expression=part)
    return exp.paren(joined) if len(parts) > 1 else joined


# -- SQL Server


def _of_tsql(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.National):
        return exp.Literal.string(node.this)
    if isinstance(node, exp.Add) and (_is_text(node.this) or _is_text(node.expression)):
        return _piped(node)
    if isinstance(node, exp.Extract | exp.Year | exp.Month | exp.Day):
        side = "expression" if isinstance(node, exp.Extract) else "this"
        if isinstance(node.args[side], exp.Literal):
            node.set(side, exp.cast(node.args[side].copy(), "TIMESTAMP"))
    if isinstance(node, exp.Stuff):
        start, length, other = node.args["start"], node.args["length"], node.expression
        return filled("OVERLAY(:a PLACING :d FROM :b FOR :c)", [node.this, start, length, other])
    return node


def _piped(node: exp.Expr) -> exp.Expr:
    """All of a sum of texts; what it replaces is not visited again."""
    if not isinstance(node, exp.Add):
        return node.transform(_of_tsql)
    return exp.DPipe(this=_piped(node.this), expression=_piped(node.expression))


def _is_text(node: exp.Expr) -> bool:
    if isinstance(node, exp.DPipe | exp.National):
        return True
    if isinstance(node, exp.Add):
        return _is_text(node.this) or _is_text(node.expression)
    return isinstance(node, exp.Literal) and node.is_string
