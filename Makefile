# Two commands set everything up on a fresh machine with Python 3.11 or newer: `make demo` and `make test`.
# Everything else is for people who change the platform.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help demo test bench lint types layers protos requirements test-keycloak test-charts test-api torture clean

help:  ## shows this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: $(VENV)/.run-ready  ## the whole province on this machine; Ctrl-C stops it
	@$(BIN)/ioc up

test: $(VENV)/.test-ready  ## all tests that need only Python
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

bench: $(VENV)/.test-ready  ## NAME=path: measures, prints a table and one JSON line
	@$(BIN)/python -m tests.bench.$(NAME)

lint: $(VENV)/.test-ready  ## style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.test-ready  ## mypy --strict over every package
	$(BIN)/mypy libs/kit/src devtools/src services/*/src

layers: $(VENV)/.test-ready  ## who may import whom
	$(BIN)/lint-imports

protos: $(VENV)/.test-ready  ## generates the stubs from proto/
	$(BIN)/python devtools/protos/generate.py

test-keycloak: $(VENV)/.test-ready  ## the log-in and tenant journeys against a real Keycloak (needs Java and Maven)
	IOC_REQUIRE_KEYCLOAK=1 $(BIN)/python -m pytest -m keycloak tests/keycloak
	IOC_TEST_ISSUER=keycloak $(BIN)/python -m pytest --timeout=600 tests/journeys/test_sign_in.py tests/journeys/test_tenants.py

test-charts: $(VENV)/.test-ready  ## lints, renders and checks the charts (needs Go)
	devtools/charts/check.sh
	IOC_REQUIRE_CHARTS=1 PATH="$${IOC_CACHE:-.cache}/bin:$$PATH" $(BIN)/python -m pytest -n 2 tests/charts

test-api: $(VENV)/.test-ready  ## schemathesis on the gateway as each role (needs requirements/ci.txt)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/ci.txt
	@$(BIN)/python tests/api/run.py

requirements:  ## pins requirements/*.txt from *.in, with hashes and without addresses
	@for set in run test ci; do \
		$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q $(UPGRADE) requirements/$$set.in -o requirements/$$set.txt || exit 1; \
	done

$(VENV)/.run-ready: requirements/run.txt devtools/bin/install.py
	@$(PYTHON) devtools/bin/install.py --requirements requirements/run.txt --stamp $@

$(VENV)/.test-ready: requirements/test.txt devtools/bin/install.py
	@$(PYTHON) devtools/bin/install.py --requirements requirements/test.txt --stamp $@ --also-stamp $(VENV)/.run-ready

clean:  ## removes the environment and caches, keeps the platform's data (`ioc reset` empties that)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
