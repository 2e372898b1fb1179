# `make` alone says what there is to do.

PYTHON ?= python3
PYTEST_WORKERS ?= 2
PYTEST_ARGS ?=
MUTATION_ARGS ?=
FUZZ_TIMES ?= 15
MODEL_TIMES ?= 8

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
PACKAGES := service events projections tests
PROVIDERS := tests/providers

export PIP_NO_INPUT := 1

.PHONY: help
help: ## Say what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: install
install: $(VENV)/.installed ## Make .venv, from which `.venv/bin/keyledger serve` runs

.PHONY: demo
demo: install ## Run everything here, with a provider to sign in through and people to sign in as
	exec $(BIN)/keyledger demo

.PHONY: test
test: $(VENV)/.developed programs providers ## Install what the tests need, then run them
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.developed ## Search for faults for some minutes: tokens, parameters, cookies, providers' answers, the API
	FUZZ_TIMES=$(FUZZ_TIMES) $(BIN)/python -m pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS) tests/fuzz

.PHONY: model
model: $(VENV)/.developed ## Walk at random for some minutes: support, members and attackers; exactly those get in who may
	MODEL_TIMES=$(MODEL_TIMES) $(BIN)/python -m pytest -n $(PYTEST_WORKERS) $(PYTEST_ARGS) tests/model

.PHONY: check
check: $(VENV)/.developed ## Lint, types, import directions, spelling, container files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell $(PACKAGES) docker Makefile README.md CHANGELOG.md SECURITY.md
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/test_containers.py tests/test_architecture.py

.PHONY: bench
bench: $(VENV)/.developed ## Measure against the floors of this machine
	$(BIN)/python tests/bench/run.py

.PHONY: mutation
mutation: $(VENV)/.developed ## Take the relying party's checks out, one by one, and see a test miss each
	$(BIN)/python tests/mutation/remove_checks.py $(MUTATION_ARGS)

.PHONY: fmt
fmt: $(VENV)/.developed ## Format, and mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: pins
pins: $(VENV)/.developed ## Renew the pinned requirements from pyproject.toml
	$(BIN)/python .ci/pins.py

.PHONY: clean
clean: ## Remove everything that was made here; data directories elsewhere stay
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage*
	rm -rf $(PROVIDERS)/node_modules
	find $(PACKAGES) -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
		|| { echo "Python's venv module is missing; on Debian install the package python3-venv." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt requirements-build.txt pyproject.toml | $(BIN)/python
	$(PIP) install -q -r requirements.txt -r requirements-build.txt
	$(PIP) install -q --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.developed: requirements-dev.txt $(VENV)/.installed
	$(PIP) install -q -r requirements-dev.txt
	@touch $@

# Programs that the tests start and that no Python package brings: a browser, the oldest supported PostgreSQL, and
# OpenID providers of other people's making.
.PHONY: programs
programs:
	@.ci/need chromium=chromium node=nodejs npm=npm '?/usr/lib/postgresql/15/bin/postgres=postgresql-15' \
		'?glewlwyd=glewlwyd+dbconfig-sqlite3' \
		'?/usr/share/perl5/Lemonldap/NG/Portal/Issuer/OpenIDConnect.pm=liblemonldap-ng-portal-perl+lemonldap-ng-fastcgi-server' \
		'?plackup=libplack-perl' '?/usr/share/perl5/String/Random.pm=libstring-random-perl' \
		'?/usr/share/perl5/IO/String.pm=libio-string-perl'

.PHONY: providers
providers: $(if $(wildcard $(PROVIDERS)/package.json),$(PROVIDERS)/node_modules/.installed)

# The manifest pins exact versions; a lock file would only add the address of a registry.
$(PROVIDERS)/node_modules/.installed: $(PROVIDERS)/package.json | programs
	cd $(PROVIDERS) && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@
