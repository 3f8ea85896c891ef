"""Errors and notices as the command line prints them, in psql's manner:

    ERROR:  column "naem" does not exist
    LINE 1: SELECT naem FROM doctor
                   ^
    HINT:  Perhaps you meant "name".
"""

from __future__ import annotations

from minidb.errors import Error, caret


def error_text(error: BaseException) -> str:
    """The error with everything that it knows, without a newline at the end."""
    if not isinstance(error, Error):
        return f"ERROR:  internal error of minidb: {type(error).__name__}: {error}"
    lines = [f"ERROR:  {error.message}"]
    if error.position is not None and error.statement is not None:
        lines.append(caret(error.statement, error.position))
    if error.detail:
        lines.append(f"DETAIL:  {error.detail}")
    if error.hint:
        lines.append(f"HINT:  {error.hint}")
    if error.context:
        lines.append(f"CONTEXT:  {error.context}")
    return "\n".join(lines)


def notice_text(notice: str) -> str:
    return f"NOTICE:  {notice}"
