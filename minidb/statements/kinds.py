"""Which statements are queries, and which run without one."""

from __future__ import annotations

from minidb.sql import ast

QUERIES = (ast.Query, ast.Insert, ast.Update, ast.Delete, ast.Merge)
NO_QUERIES = (ast.Show, ast.SetSetting, ast.Reset)  # they may stand before SET TRANSACTION
