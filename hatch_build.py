"""Makes the parsers' tables before anything is packed: the wheel ships them, so that nothing imports Lark at run time.

Lark and interegular are requirements of the build (`build-system.requires`). The run-time dependencies are not there,
so the packages on the way to the table maker are stood in for by empty ones: their `__init__` would import everything.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GrammarHook(BuildHookInterface):
    """Writes the generated modules of all grammars."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        maker = _table_maker(root)
        for name, (module, starts) in maker.GRAMMARS.items():
            text = (root / "grammar" / f"{name}.lark").read_text("utf-8")
            if not maker.write(maker.make(text, starts), maker.module_file(module)):
                raise OSError(f"{maker.module_file(module)} cannot be written")


def _table_maker(root: Path) -> Any:
    """`minidb.sql.grammar_tables`, imported without `minidb/__init__.py`."""
    for package in ("minidb", "minidb.sql"):
        stand_in = ModuleType(package)
        stand_in.__path__ = [str(root.joinpath(*package.split(".")))]
        sys.modules[package] = stand_in
    return import_module("minidb.sql.grammar_tables")
