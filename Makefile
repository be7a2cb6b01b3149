# Everything that people do with the project. Only Python 3.11 to 3.13 and make are needed to begin.

PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3 python,$(if $(shell $(p) -c 'import sys; print(sys.version_info[:2] in ((3, 11), (3, 12), (3, 13)) or "")' 2>/dev/null),$(p))))
BIN := .venv/bin
READY := .venv/.ready

unexport PYTHONDONTWRITEBYTECODE # a start that compiles every module anew takes twice as long

.DEFAULT_GOAL := help
.PHONY: help setup test-setup demo up down test test-faults check bench bench-setup fmt

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

setup: $(READY) ## install what the lock names into .venv, once

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "$(PYTHON) cannot make a virtual environment: on Debian and Ubuntu install python3-venv" >&2; exit 1; }
	@echo "Installing what requirements.lock names; this takes a minute or two, once."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@$(BIN)/python -m services.notify.fonts || true # without it letters are set in Sarabun
	@touch $@

demo: setup ## play the 2022 contest from the first letter to the certificates (ARGS="--keep --seed 7")
	@$(BIN)/showcase demo $(ARGS)

up: setup ## start the system and stay (ARGS="--port 9000 --processes")
	@$(BIN)/showcase up $(ARGS)

down: setup ## stop the system that runs on ./var
	@$(BIN)/showcase down $(ARGS)

test-setup: setup
	@$(BIN)/python -m shared.testing.machine

test: test-setup ## all tests, on real PostgreSQL and real Kafka (ARGS="tests/unit -k calendar")
	@$(BIN)/python -m pytest $(or $(ARGS),-n 3 --dist loadfile --no-loadscope-reorder --durations=15)

test-faults: test-setup ## kill, cut, fill and freeze a running vote: up to 20 minutes (ARGS="-k kafka")
	@SHOWCASE_FAULTS=all $(BIN)/python -m pytest tests/faults -s --durations=0 $(ARGS)

check: setup ## lint, format, types, walls, lock, compose file, event contract: under a minute
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/contract tests/unit/platform

bench: bench-setup ## events/s of the outbox and consumers, then Vote Spike against other stacks (ARGS=--small for three minutes)
	@$(BIN)/showcase bench messaging >&2
	@$(BIN)/showcase bench votes $(ARGS)

bench-setup: setup .venv-bench/.ready ## install the stacks that the vote is measured against into .venv-bench

.venv-bench/.ready: requirements-bench.lock
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

fmt: setup ## format, and mend what lint can mend
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .
