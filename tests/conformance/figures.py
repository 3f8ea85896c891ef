"""`make conformance`: tests that nobody here wrote, all of them, and their figures.

    python tests/conformance/figures.py FOLDER [--write docs/conformance.md]

FOLDER holds `sqllogictest/` (the public suite's files, its runner, and the list of the records that a real PostgreSQL
fails as well) and `isolation/` (PostgreSQL's isolation tests). `--write` puts the figures into the document.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
Line = tuple[str, ...]


def sqllogictest(folder: Path, jobs: int) -> tuple[list[Line], int]:
    """(per category: files, passed, failed, skipped; the number of failures)."""
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / "figures.json"
        options = ["--engine", "minidb", "--known", str(folder / "known-postgres.txt"), "--jobs", str(jobs)]
        subprocess.run([sys.executable, str(folder / "run.py"), *options, "--json", str(out)], check=False)
        categories = json.loads(out.read_text(encoding="utf-8"))["categories"]
    order = sorted(categories, key=lambda name: (name == "total", name))
    return [(name, *[str(n) for n in categories[name][:4]]) for name in order], categories["total"][2]


def isolation(folder: Path) -> tuple[list[Line], int]:
    """(per specification that differs: how many permutations do; the number of differences that are not listed)."""
    os.environ["CONFORMANCE"] = str(folder.parent)
    sys.path.insert(0, str(HERE.parent / "lab"))
    from test_schedule_conformance import SPECS, expected_texts, found_in, listed

    lines, unknown, same, permutations = [], 0, 0, 0
    for name in SPECS:
        found = found_in(name)
        count = expected_texts(name)[0].count("\nstarting permutation: ")
        permutations += count
        same += count - len(found)
        unknown += sum(title not in listed() for title in found)
        if found:
            lines.append((name, str(count), str(len(found))))
    return [*lines, (f"all {len(SPECS)}", str(permutations), str(permutations - same))], unknown


def table(titles: Line, lines: Sequence[Line]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|---{'|---:' * (len(titles) - 1)}|"
    yield from (f"| {' | '.join(line)} |" for line in lines)


def written(document: str, title: str, lines: Iterator[str]) -> str:
    """`document` with the table between the marks of `title`."""
    marks = re.compile(rf"(<!-- {title} -->\n).*?(<!-- end -->)", re.DOTALL)
    assert marks.search(document), title
    return marks.sub(lambda m: m[1] + "".join(f"{line}\n" for line in lines) + m[2], document)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path, metavar="DOCUMENT")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    folder = options.folder.resolve()
    records, failed = sqllogictest(folder / "sqllogictest", options.jobs)
    specifications, unknown = isolation(folder / "isolation")
    tables = {
        "sqllogictest": (("category", "files", "passed", "failed", "skipped"), records),
        "isolation": (("specification", "permutations", "differ"), specifications),
    }
    document = options.write.read_text(encoding="utf-8") if options.write else ""
    for title, (head, lines) in tables.items():
        print(f"\n{title}", *table(head, lines), sep="\n")
        if options.write:
            document = written(document, title, table(head, lines))
    if options.write:
        options.write.write_text(document, encoding="utf-8")
    return 1 if failed or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
