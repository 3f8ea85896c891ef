"""A session: text in, result out."""

from minidb.context import Context, Environment
from minidb.results import Result
from minidb.session.session import LONGEST_STATEMENT, Session
from minidb.statement_cache import Parameters

__all__ = ["LONGEST_STATEMENT", "Context", "Environment", "Parameters", "Result", "Session"]
