"""Golden scripts: a command, `---`, its output, a blank line. `#` begins a comment line between the blocks.

MINIDB_UPDATE_GOLDEN=1 rewrites the outputs; commands and comments stay. Review the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"


def check_script(path: Path, run: Callable[[str], str]) -> None:
    """Runs the commands of a script in order and compares what each prints."""
    blocks = path.read_text(encoding="utf-8").strip("\n").split("\n\n")
    done = [_run(block.strip("\n"), run) for block in blocks if block.strip()]
    if UPDATE:
        path.write_text("\n\n".join(done) + "\n", encoding="utf-8")
        return
    for block, result in zip(blocks, done):
        assert result == block, f"{path.name}: MINIDB_UPDATE_GOLDEN=1 accepts this"


def _run(block: str, run: Callable[[str], str]) -> str:
    lines = block.split("\n")
    count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if count == len(lines):
        return block  # nothing but comment
    body = "\n".join(lines[count:])
    command = body if body.endswith("\n---") else body.split("\n---\n")[0]
    command = command.removesuffix("\n---")
    output = run(command).rstrip().replace("\n\n", "\n")
    return "\n".join([*lines[:count], command, "---", *([output] if output else [])])
