"""The page: well-formed, self-contained, with everything from the run escaped, and readable without its script."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace
from picture_cases import CASES, explained, tangle

from minidb.errors import SerializationFailure
from minidb.history import Account, History
from minidb.lab.explanation import Explanation, explain
from minidb.lab.graph import Graph
from minidb.lab.pictures import html
from minidb.lab.pictures.svg import HERE
from minidb.lab.run import Answer, Event, Run

NAMES = sorted(CASES)
VOID = {"meta", "link", "br", "hr", "img", "input"}
ALLOWED = """html head meta title link style script body main header footer section aside figure figcaption div span
    p a b i h1 h2 h3 ul ol li dl dt dd pre code table caption thead tbody tr th td details summary button
    svg g path rect text"""


class Page(HTMLParser):
    """Reads a page and keeps account of what it consists of; a wrong nesting raises."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert len(dict(attributes)) == len(attributes), (tag, attributes)
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    @property
    def said(self) -> str:
        """All that a reader sees."""
        return " ".join("".join(data for tag, data in self.texts if tag not in ("script", "style")).split())

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_it_is_well_formed(name: str) -> None:
    page = Page(html(explained(name)))
    assert {tag for tag, _ in page.tags} <= set(ALLOWED.split())
    ids = page.attributes("id")
    assert len(set(ids)) == len(ids)


def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    text = html(explained(name))
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text.replace("<script>alert(1)", ""))
    page = Page(text)
    assert not page.attributes("src")
    assert {href for href in page.attributes("href") if not href.startswith("#")} == {"data:,"}


def test_links_within_the_page_lead_somewhere(name: str) -> None:
    page = Page(html(explained(name)))
    assert {href[1:] for href in page.attributes("href") if href.startswith("#")} <= set(page.attributes("id"))


def test_everything_from_the_run_is_escaped() -> None:
    explanation = explained("hostile")
    page = Page(html(explanation))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert explanation.title in page.said
    for event in explanation.run.events:
        assert event.sql in page.said
    assert "\u202e" not in page.said


def test_names_in_the_headline_are_escaped() -> None:
    explanation = explained("hostile")
    serial = explain(explanation.run, Graph(explanation.graph.names, ()), ())
    page = Page(html(serial))
    assert {tag for tag, _ in page.tags} <= set(ALLOWED.split())
    assert """Serializable as o"<i>]', then end""" in page.said


def test_no_other_script_than_its_own_may_run(name: str) -> None:
    page = Page(html(explained(name)))
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    script = next(data for tag, data in page.texts if tag == "script")
    allowed = re.search(r"script-src 'sha256-([^']+)'", policy or "")
    assert allowed is not None
    assert b64decode(allowed[1]) == sha256(script.encode()).digest()
    assert script == (HERE / "page.js").read_text(encoding="utf-8")
    assert (policy or "").startswith("default-src 'none'")


def test_all_is_there_without_the_script(name: str) -> None:
    explanation = explained(name)
    said = Page(html(explanation)).said
    assert " ".join(explanation.verdict.split()) in said
    for link in explanation.links:
        assert link.words in said
    for abort in explanation.aborts:
        assert abort.error.message in said
    for event in explanation.run.events:
        assert event.inside is not None
        for row in event.inside.versions:
            assert str(row["contents"]).replace("\u202e", "\ufffd") in said


def test_same_bytes(name: str) -> None:
    assert html(explained(name)) == html(explained(name))


# -- the timeline


def items(explanation: Explanation) -> Iterator[str]:
    yield from re.findall(r'<li class="event .*?</li>', html(explanation), re.DOTALL)


def test_a_wait_stretches_from_where_it_began_to_where_it_went_on() -> None:
    """Session b is lane 1: its rail waits below step 6, through step 7, and above the event with which it goes on."""
    rails = [re.findall(r'class="rail (above-\w+ below-\w+)"', item)[1] for item in items(explained("lost_update"))]
    assert rails[5:] == [
        "above-open below-waits", "above-waits below-waits", "above-waits below-open", "above-open below-none",
    ]


def test_a_wait_names_who_is_in_the_way() -> None:
    waits = list(items(explained("lost_update")))[5]
    assert "waits for a (no key update lock on row 1 of counter)" in waits
    assert 'class="event at-waits"' in waits


def test_a_wait_leads_back_to_its_step() -> None:
    assert '<p class="go">step <a href="#event-5">6</a> goes on</p>' in list(items(explained("lost_update")))[7]


def test_an_edge_is_tied_to_its_two_statements() -> None:
    text = html(explained("write_skew_snapshot"))
    assert re.findall(r'id="event-(\d)" data-links="1"', text) == ["2", "5"]
    assert re.findall(r'id="event-(\d)" data-links="2"', text) == ["3", "4"]
    assert len(re.findall(r'<a href="#link-1" aria-label="1 rw: [^"]*" class="arrow cycle" data-links="1">', text)) == 1


def test_new_and_gone_locks_are_told_apart() -> None:
    commit = list(items(explained("lost_update")))[6]
    assert '<span class="unseen">gone: </span>a' in commit
    assert '<span class="unseen">new: </span>counter 0' in commit


def test_many_sessions_have_one_column_of_text() -> None:
    levels = {f"s{n}": "ssi" for n in range(6)}
    events = tuple(Event(n + 1, f"s{n}", f"step{n}", "SELECT 1", "done", begun=n, ended=n + 1) for n in range(6))
    page = html(explain(Run((), levels, events, History(), {}), Graph({}, ()), ()))
    assert '<div class="timeline narrow" style="--lanes:6">' in page
    assert "Locks and versions after this" not in page


# -- what explains


def test_a_true_cycle_and_a_false_positive() -> None:
    assert "A true cycle" in Page(html(explained("write_skew_ssi"))).said
    explanation = explained("write_skew_ssi")
    abort = explanation.aborts[0]
    again = explain(explanation.run, explanation.graph, (), true_cycles={abort.transaction: False})
    assert "A false positive" in Page(html(again)).said
    assert "false positive" not in Page(html(explained("write_skew_2pl"))).said


def test_an_error_without_a_cycle_tells_its_detail() -> None:
    error = SerializationFailure("could not serialize access due to concurrent update", detail="row 1 was changed")
    event = Event(1, "a", "wa", "UPDATE t SET v = 1", "failed", (Answer(error=error),), begun=0, ended=5)
    history = History(accounts={1: Account(1, "a", "snapshot", 1, ended=3, aborted=True)})
    explanation = explain(Run(("wa",), {"a": "snapshot"}, (event,), history, {}), Graph({}, ()), ())
    assert explanation.verdict == "Serializable: nobody committed"
    assert [abort.transaction for abort in explanation.aborts] == [1]
    said = Page(html(explanation)).said
    assert "a was rolled back at step 1: could not serialize access due to concurrent update." in said
    assert "row 1 was changed." in said


def test_errors_that_roll_nothing_back_are_no_reasons() -> None:
    error = SerializationFailure("later")
    event = Event(1, "a", "wa", "SELECT 1", "failed", (Answer(error=error),), begun=0, ended=5)
    history = History(accounts={1: Account(1, "a", "snapshot", 1, ended=9, number=1)})
    assert explain(Run(("wa",), {"a": "snapshot"}, (event,), history, {}), Graph({1: "a"}, ()), ()).aborts == ()


def test_a_tangle_has_all_its_words() -> None:
    said = Page(html(tangle(6))).said
    assert all(f"transaction {n} came before" in said for n in range(1, 7))


def test_statements_that_an_edge_quotes_stand_at_its_steps() -> None:
    explanation = explained("write_skew_snapshot")
    edge = explanation.anomalies[0].cycle[0]
    read, wrote = edge.source_statement, edge.target_statement
    quoting = f"alice read all of doctor ({read}); bob changed row 'bob' there ({wrote})"
    anomaly = replace(explanation.anomalies[0], cycle=(replace(edge, words=quoting),))
    again = explain(explanation.run, explanation.graph, (anomaly,))
    assert again.links[0].words == "alice read all of doctor; bob changed row 'bob' there"
