# Everything from nothing but Python and make: each target sets up .venv first if it is not there.
#
#   make demo    every anomaly, at every isolation level          make lint    ruff
#   make test    the whole test suite                             make types   mypy, strict
#   make bench   measurements against sqlite3                     make clean   remove what was made
#   make fuzz    100,000 random transactions at each level, judged: half an hour
#   make torture  50,000 crashes, 10,000 damaged files, 300 kills, minutes of threads: half an hour
#   make isolation-matrix   which anomalies happen in which engine, measured: needs PostgreSQL and MariaDB

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: demo test lint types bench fuzz torture isolation-matrix clean
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
	$(BIN)/python benchmarks/compare.py --write docs/performance.md

fuzz: $(READY)
	$(BIN)/minidb fuzz --isolation all --transactions 100000

torture: $(READY)
	$(BIN)/python tests/durability/torture.py

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
