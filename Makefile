# Everything from nothing but Python and make: each target sets up .venv first if it is not there.
#
#   make demo    every anomaly, at every isolation level          make lint    ruff
#   make test    the whole test suite                             make types   mypy, strict
#   make bench   minidb beside sqlite3, DuckDB, PostgreSQL        make clean   remove what was made
#   make bench-growth, bench-latency   how cost grows; how long one operation takes beside something large
#   make fuzz    100,000 random transactions at each level, judged: half an hour
#   make torture  50,000 crashes, 10,000 damaged files, 300 kills, minutes of threads: half an hour
#   make fuzz-bytes  made-up bytes for everything that reads a file, and for the parser: 20 minutes
#   make conformance   the public sqllogictest suite and PostgreSQL's isolation tests: some minutes
#   make isolation-matrix   which anomalies happen in which engine, measured: needs PostgreSQL and MariaDB

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
CONFORMANCE ?= ../shared/conformance

.PHONY: demo test lint types bench bench-growth bench-latency fuzz fuzz-bytes torture conformance isolation-matrix clean
.DELETE_ON_ERROR:

demo: $(READY)
	@$(BIN)/minidb demo

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks.run --write docs/performance.md

bench-growth: $(READY)
	$(BIN)/python -m benchmarks.growth.run --write docs/performance.md

bench-latency: $(READY)
	$(BIN)/python -m benchmarks.latency --write docs/performance.md

fuzz: $(READY)
	$(BIN)/minidb fuzz --isolation all --transactions 100000

torture: $(READY)
	$(BIN)/python tests/durability/torture.py

fuzz-bytes: $(READY)
	$(BIN)/python tests/storage/hostile.py

conformance: $(READY)
	@test -d "$(CONFORMANCE)" || { \
	    echo "the tests are not part of minidb, and there is no folder $(CONFORMANCE); name it: make conformance CONFORMANCE=..." >&2; \
	    exit 1; }
	$(BIN)/python tests/conformance/figures.py "$(CONFORMANCE)" --write docs/conformance.md

isolation-matrix: $(READY)
	$(BIN)/python benchmarks/isolation.py --write docs/isolation.md

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -f minidb/sql/_grammar.py minidb/lab/_grammar.py

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { \
	    echo "minidb needs Python 3.11 or newer; found: $$(python3 --version 2>&1). Set PYTHON=/path/to/python3 to choose one." >&2; \
	    exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	    rm -rf $(VENV); \
	    echo "$(PYTHON) could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv" >&2; \
	    exit 1; }
	@echo "setting up $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
