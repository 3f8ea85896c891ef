"""Exploring schedules that draw from sequences: two draws do not commute, and a run is taken back with its numbers."""

from __future__ import annotations

import pytest
from schedules import outcomes

from minidb.isolation import IsolationLevel
from minidb.lab import parse

DRAWING = """
setup { CREATE SEQUENCE s; }
setup { CREATE SEQUENCE r; }
setup { CREATE TABLE one (number int); }
setup { CREATE TABLE two (number int); }
session a
step a1 { INSERT INTO one SELECT nextval('s'); }
step a2 { SELECT 1; }
session b
step b1 { SELECT 2; }
step b2 { INSERT INTO two SELECT nextval('s'); }
"""
LEVELS = [IsolationLevel.READ_COMMITTED, IsolationLevel.SNAPSHOT, IsolationLevel.TWO_PHASE_LOCKING, IsolationLevel.SSI]


@pytest.mark.parametrize("level", LEVELS)
def test_both_orders_of_two_draws_are_tried(level: IsolationLevel) -> None:
    every, _, performed = outcomes(parse(DRAWING), level, reduce=False)
    some, _, tried = outcomes(parse(DRAWING), level, reduce=True)
    assert some == every and len(some) == 2
    assert tried <= performed


def test_draws_from_two_sequences_commute() -> None:
    apart = parse(DRAWING.replace("two SELECT nextval('s')", "two SELECT nextval('r')"))
    some, _, tried = outcomes(apart, IsolationLevel.READ_COMMITTED, reduce=True)
    assert len(some) == 1 and tried == 1
