"""The language of schedules: what is read, what is refused and how, and that what is written reads the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from minidb.errors import InvalidParameterValue, SyntaxError
from minidb.lab.schedule import Actor, Blocker, Permutation, Schedule, Step, Turn
from minidb.lab.schedule_text import parse, text_of

HERE = Path(__file__).parent
CONFORMANCE = HERE.parents[2] / "shared" / "conformance" / "isolation" / "specs"
ERRORS = HERE / "golden" / "schedule_errors.txt"
FILES = [*sorted((HERE / "specs").glob("*.spec")), *sorted(CONFORMANCE.glob("*.spec"))]
UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"

WHOLE = '''\
# the same table twice
setup { CREATE TABLE t (n int) }
setup
{
 INSERT INTO t VALUES (1);
}
teardown { DROP TABLE t }
invariant { SELECT true }

session alice
setup { BEGIN; }
step look { SELECT n FROM t; }  # what is there
step "leave ""now""" { COMMIT }
teardown { ROLLBACK }

session "bob b"
step invariant {}

permutation look "leave ""now""" invariant
permutation invariant(*) look(invariant, invariant notices 2,*)
invariant { SELECT count(*) = 1 FROM t }
'''


def test_a_whole_file() -> None:
    assert parse(WHOLE, "whole") == Schedule(
        actors=(
            Actor(
                "alice",
                (Step("alice", "look", "SELECT n FROM t;", 12), Step("alice", 'leave "now"', "COMMIT", 13)),
                "BEGIN;",
                "ROLLBACK",
            ),
            Actor("bob b", (Step("bob b", "invariant", "", 17),)),
        ),
        setups=("CREATE TABLE t (n int)", "\n INSERT INTO t VALUES (1);\n"),
        teardown="DROP TABLE t",
        permutations=(
            Permutation((Turn("look"), Turn('leave "now"'), Turn("invariant")), 19),
            Permutation(
                (
                    Turn("invariant", (Blocker("always"),)),
                    Turn("look", (Blocker("step", "invariant"), Blocker("notices", "invariant", 2), Blocker("always"))),
                ),
                20,
            ),
        ),
        invariants=("SELECT true", "SELECT count(*) = 1 FROM t"),
        name="whole",
    )


def test_blanks_around_sql_go_and_newlines_stay() -> None:
    steps = parse("session s step a { \t one \f\r} step b {\n two \n } step c{}").actors[0].steps
    assert [step.sql for step in steps] == ["one", "\n two \n", ""]


def test_words_end_where_other_letters_end() -> None:
    steps = parse("session setups step step$ {} step SETUP {} step s1 {} step é {} step _{}").actors[0].steps
    assert [step.name for step in steps] == ["step$", "SETUP", "s1", "é", "_"]


def test_a_step_may_be_performed_twice_and_one_not_at_all() -> None:
    schedule = parse("session s step a {} step b {} permutation a a")
    assert schedule.permutations[0].order == ("a", "a")


# -- what is refused


def test_errors() -> None:
    """Bad schedules, with a rule of four signs behind each, and what is said of them."""
    blocks = ERRORS.read_text(encoding="utf-8").split("\n====\n")
    done = [told(block.split("\n----\n")[0]) for block in blocks if block.strip()]
    text = "\n====\n".join(done) + "\n====\n"
    if UPDATE:
        ERRORS.write_text(text, encoding="utf-8")
    assert text == ERRORS.read_text(encoding="utf-8")


def told(text: str) -> str:
    with pytest.raises(SyntaxError) as caught:
        parse(text.strip("\n"))
    return f"{text}\n----\n{caught.value}"


def test_the_place_of_an_error_is_an_offset_in_the_whole_text() -> None:
    text = "session s\nstep a { SELECT 1 }\npermutation a b\n"
    with pytest.raises(SyntaxError) as caught:
        parse(text)
    assert caught.value.position == text.index("b\n")


def test_nothing_deep_or_long_is_too_much() -> None:
    steps = "".join(f"step s{i} {{ SELECT {i} }}\n" for i in range(3000))
    assert len(parse(f"session s\n{steps}permutation {' '.join(f's{i}' for i in range(3000))}").steps) == 3000


# -- writing


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_written_reads_the_same(path: Path) -> None:
    schedule = parse(path.read_text(encoding="utf-8"))
    assert without_lines(parse(text_of(schedule, ["a comment", "of two\nlines"]))) == without_lines(schedule)


def test_how_a_schedule_is_written() -> None:
    schedule = parse(WHOLE)
    assert text_of(schedule, ["found by hand"]).splitlines()[:14] == [
        "# found by hand",
        "",
        "setup { CREATE TABLE t (n int) }",
        "",
        "setup {",
        " INSERT INTO t VALUES (1);",
        "}",
        "",
        "teardown { DROP TABLE t }",
        "",
        "session alice",
        "setup { BEGIN; }",
        "step look { SELECT n FROM t; }",
        'step "leave ""now""" { COMMIT }',
    ]


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=5)
NAMES |= st.sampled_from(["step", "invariant", "notices", "a b", ""])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="}\r"), max_size=20)
TEXTS = TEXTS.map(lambda text: text.strip(" \t\f"))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    names = draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
    owner = draw(st.sampled_from(range(1, len(names))))
    groups = [("one", names[:owner]), ("two", names[owner:])]
    actors = tuple(
        Actor(actor, tuple(Step(actor, name, draw(TEXTS)) for name in steps), draw(TEXTS), draw(TEXTS))
        for actor, steps in groups
    )
    marks = st.sampled_from([Blocker("always"), Blocker("step", names[-1]), Blocker("notices", names[-1], 3)])
    first = Turn(names[0], tuple(draw(st.lists(marks, max_size=2))))
    order = (first, *map(Turn, names[1:]))
    return Schedule(
        actors, tuple(draw(st.lists(TEXTS, max_size=2))), draw(TEXTS), (Permutation(order),) * draw(st.integers(0, 2)),
        tuple(draw(st.lists(TEXTS, max_size=2))),
    )


@given(schedules())
def test_any_schedule_survives_writing(schedule: Schedule) -> None:
    assert without_lines(parse(text_of(schedule))) == schedule


@pytest.mark.parametrize("sql", ["SELECT '}'", "} step"])
def test_a_brace_cannot_be_written(sql: str) -> None:
    with pytest.raises(InvalidParameterValue, match="closing brace"):
        text_of(Schedule((Actor("s", (Step("s", "a", sql),)),)))


def test_a_name_of_two_lines_cannot_be_written() -> None:
    with pytest.raises(InvalidParameterValue, match="one line"):
        text_of(Schedule((Actor("s\nt", (Step("s\nt", "a", "x"),)),)))


def without_lines(schedule: Schedule) -> Schedule:
    return replace(
        schedule,
        name="",
        actors=tuple(replace(a, steps=tuple(replace(step, line=0) for step in a.steps)) for a in schedule.actors),
        permutations=tuple(replace(permutation, line=0) for permutation in schedule.permutations),
    )
