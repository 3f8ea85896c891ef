"""Pictures of runs: golden files for each kind, and what must hold of all of them.

`golden/pictures/NAME.EXT`; MINIDB_UPDATE_GOLDEN=1 writes them anew: look at the SVG, too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from difflib import unified_diff
from itertools import combinations
from pathlib import Path

import pytest
from picture_cases import CASES, explained, tangle

from minidb.lab.explanation import Explanation
from minidb.lab.paint import ASCII, Painter
from minidb.lab.pictures import dot, mermaid, svg, text
from minidb.lab.pictures.drawing import drawing
from minidb.lab.pictures.geometry import planned

GOLDEN = Path(__file__).parent / "golden" / "pictures"
UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"
PAPER = Painter(100)
NAMES = sorted(CASES)
SVG = "{http://www.w3.org/2000/svg}"


def check_golden(name: str, made: str) -> None:
    path = GOLDEN / name
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made, encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    difference = "\n".join(unified_diff(expected.splitlines(), made.splitlines(), name, "now", lineterm=""))
    assert made == expected, f"MINIDB_UPDATE_GOLDEN=1 accepts this\n{difference}"


def lines(explanation: Explanation, painter: Painter = PAPER) -> str:
    return "\n".join(text(explanation, painter)) + "\n"


# -- golden files


@pytest.mark.parametrize("name", NAMES)
def test_text(name: str) -> None:
    check_golden(f"{name}.txt", lines(explained(name)))


@pytest.mark.parametrize("name", NAMES)
def test_mermaid(name: str) -> None:
    check_golden(f"{name}.mmd", mermaid(explained(name)))


@pytest.mark.parametrize("name", NAMES)
def test_dot(name: str) -> None:
    check_golden(f"{name}.dot", dot(explained(name)))


@pytest.mark.parametrize("name", NAMES)
def test_svg(name: str) -> None:
    check_golden(f"{name}.svg", svg(explained(name)))


def test_svg_of_a_tangle() -> None:
    check_golden("tangle_4.svg", svg(tangle(4)))


# -- text


def test_colours_do_not_disturb_the_columns() -> None:
    plain = lines(explained("lost_update"))
    coloured = lines(explained("lost_update"), Painter(100, colours=True))
    assert coloured != plain
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_text_fits_the_page() -> None:
    for name in NAMES:
        for width in (64, 80, 120):
            assert max(map(len, text(explained(name), Painter(width)))) <= width, name


def test_many_sessions_stand_below_each_other() -> None:
    said = lines(explained("read_only"), Painter(64))
    assert "withdraw: SELECT sum(balance) FROM account  → 0" in said
    assert "┌────┬" not in said


def test_a_wait_is_a_bar_from_its_beginning_to_its_end() -> None:
    said = lines(explained("three_wait")).splitlines()
    column = [line.split("│")[3].strip() for line in said if line.startswith("  │")]
    begins = next(i for i, cell in enumerate(column) if cell.startswith("⋯ waits for a"))
    ends = next(i for i, cell in enumerate(column) if cell == "▸ step 4 goes on")
    between = [line for line in said if line.startswith("  │")][begins + 3 : ends]
    assert between
    assert all("│ │ " in line for line in between)


def test_without_unicode_it_is_ascii() -> None:
    assert lines(explained("write_skew_2pl")).translate(ASCII).isascii()


# -- the graph


@pytest.mark.parametrize("count", range(2, 7))
def test_nothing_overlaps(count: int) -> None:
    """Not even if everybody depends on everybody."""
    plan = planned(drawing(tangle(count)))
    boxes = [box for _, box in plan.nodes] + [placed.label for placed in plan.arrows]
    assert len(boxes) == count + count * (count - 1)
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_in_the_frame(name: str) -> None:
    plan = planned(drawing(explained(name)))
    for box in [box for _, box in plan.nodes] + [placed.label for placed in plan.arrows]:
        assert plan.left <= box.x - box.width / 2
        assert box.x + box.width / 2 <= plan.left + plan.width
        assert plan.top <= box.y - box.height / 2
        assert box.y + box.height / 2 <= plan.top + plan.height


@pytest.mark.parametrize("name", NAMES)
def test_svg_is_well_formed_and_needs_nothing(name: str) -> None:
    picture = svg(explained(name))
    root = ElementTree.fromstring(picture)
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))
    assert re.findall(r"https?://[^\"]*", picture) == ["http://www.w3.org/2000/svg"]
    assert "prefers-color-scheme: dark" in picture


def test_the_cycle_is_highlighted() -> None:
    root = ElementTree.fromstring(svg(explained("lost_update")))
    looks = [group.get("class") for group in root.iter(f"{SVG}g")]
    assert "arrow cycle" in looks
    labels = [label.text for label in root.iter(f"{SVG}text") if label.get("class") == "kind"]
    assert labels == ["1 rw", "2 ww, rw"]


def test_what_a_rollback_broke_is_dashed() -> None:
    arrows = drawing(explained("write_skew_ssi")).arrows
    assert {arrow.look for arrow in arrows} == {"prevented"}
    assert [node.aborted for node in drawing(explained("write_skew_ssi")).nodes] == [False, True]


def test_one_arrow_for_a_pair_has_all_kinds() -> None:
    both = [arrow for arrow in drawing(explained("lost_update")).arrows if arrow.kinds == ("ww", "rw")]
    assert len(both) == 1
    assert both[0].numbers == (2,)


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_takes_it() -> None:
    for explanation in [*map(explained, NAMES), tangle(6)]:
        done = subprocess.run(["dot", "-Tplain"], input=dot(explanation), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_mermaid_has_no_character_that_it_would_read() -> None:
    for line in mermaid(explained("hostile")).splitlines():
        assert not re.search(r"<(?!/?(?:br/|small)>)", line)
        assert line.count('"') % 2 == 0
