"""Every example in README.md and docs/ runs and gives what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_examples import Page
from doc_fences import PAGES, ROOT, page_name

ELSEWHERE = {  # pages whose blocks need a file beside them, or other databases, and the tests that run them
    "docs/advise.md": "tests/lab/test_advise_command.py",
    "docs/explanations.md": "tests/lab/test_explain_command.py",
    "docs/isolation.md": "tests/lab/test_engines.py",
    "docs/schedules.md": "tests/lab/test_schedule_command.py",
    "docs/testing.md": "tests/lab/test_pytest_plugin.py",
}
HERE = [page for page in PAGES if page_name(page) not in ELSEWHERE]


@pytest.mark.parametrize("path", HERE, ids=page_name)
def test_examples(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    Page(path).run()


def test_the_other_pages_are_tested_elsewhere() -> None:
    for page, test in ELSEWHERE.items():
        assert (ROOT / page).is_file() and (ROOT / test).is_file()
