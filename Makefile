# `make run` and `make test` set themselves up: they need git, make and Python 3.11 to 3.13, nothing else.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: run test check format bench snapshots pictures clean

run: $(VENV)/.installed
	@$(BIN)/sre-console --or-demo $(ARGS)

test: $(VENV)/.dev
	$(BIN)/pytest -n auto $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(ARGS)

snapshots: $(VENV)/.dev
	$(BIN)/pytest tests/ui/test_snapshots.py --snapshot-update $(ARGS)

pictures: $(VENV)/.dev
	$(BIN)/python -m tests.support.pictures

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache dist build

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "sre-console needs Python 3.11, 3.12 or 3.13; set PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv"; exit 2; }
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/.python
	@echo "setting up (about half a minute, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.python
	@echo "setting up for tests (about a minute, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group postgresql \
		|| echo "no PostgreSQL for tests could be installed; they take the one of this machine"
	@touch $@ $(VENV)/.installed
