# Everything runs from .venv, which the first target that needs it sets up.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A Python of your choice: make PYTHON=/path/to/python3.12 demo
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
# More for pytest or the bench: make test ARGS="-k demo", make bench ARGS=--quick
ARGS ?=
# How many: make soak EXAMPLES=100000
EXAMPLES ?= 1000
# How long the storm of webhooks: make soak MINUTES=60
MINUTES ?= 10
# Tests start hundreds of programs: compiled once, each starts in a third of the time.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/pytest -n auto --dist worksteal
# Schemathesis takes as long to collect as all the rest, and none of its tests is fast.
FAST := -m "not slow" -p no:schemathesis --ignore=tests/sandbox/test_sandbox_schemathesis.py
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url \
	--no-header --no-strip-extras --quiet

.DEFAULT_GOAL := help
.PHONY: help demo demo-tryton test docs reliability check coverage soak lint audit secret-scan \
	session bench bench-scale lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z.-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Book a Pleo export in a Beancount ledger, in counterfoil-demo/
	@$(BIN)/counterfoil demo

demo-tryton: $(READY) ## The same into a real Tryton; the first time takes a minute or two
	@$(BIN)/python -m tests.tryton.demo_tryton

test: $(READY) ## Run all tests, but for those of docs and reliability
	$(PYTEST) -m "not reliability and not docs" $(ARGS)

docs: $(READY) ## Run the code blocks of README and docs, as they stand there
	$(PYTEST) -m docs $(ARGS)

reliability: $(READY) ## Kill, simulate, cut the power, plant bugs; ends with one line of figures
	$(BIN)/python -m pytest -n auto --dist worksteal -p tests.reliability.tally -m reliability \
		tests/reliability tests/systems tests/tryton $(ARGS)

check: lint ## The quick loop: lint, types, import directions, fast tests
	$(PYTEST) $(FAST) $(ARGS)

coverage: $(READY) ## Hold the fast tests to every branch of the rules, the export and the register
	$(PYTEST) $(FAST) --cov --cov-report=term-missing --cov-fail-under=100 $(ARGS)

soak: $(READY) ## Simulate exports in which everything goes wrong; ten minutes of a webhook storm
	@$(BIN)/python -m tests.reliability.simulation_soak --examples=$(EXAMPLES) $(ARGS)
	@$(BIN)/python -m tests.web.storm --minutes=$(MINUTES)

lint: $(READY) ## Lint, format, types and import directions alone
	$(BIN)/ruff check
	$(BIN)/ruff format --check --diff
	$(BIN)/mypy
	@$(BIN)/lint-imports

audit: $(READY) ## Hold the locked dependencies against the known vulnerabilities
	@$(BIN)/python -m tests.security.audit

secret-scan: $(READY) ## Look for secrets in what is committed
	@$(BIN)/python -m tests.security.secret_scan $(ARGS)

session: $(READY) ## Record a person's first minutes with init, for docs/set-up-in-minutes.md
	@$(BIN)/python -m tests.docs.session

bench: $(READY) ## Measure speed, memory and calls
	@$(BIN)/python bench/run.py $(ARGS)
	@$(BIN)/python -m bench.tryton $(filter --quick,$(ARGS))

bench-scale: $(READY) ## Measure many companies: embedded, and with workers on PostgreSQL; long
	@$(BIN)/python -m bench.scale $(ARGS)

lock: $(READY) ## Lock the dependencies anew, in requirements/
	$(LOCK) --upgrade -o requirements/runtime.txt
	$(LOCK) --upgrade --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(LOCK) --upgrade --group test --resolution lowest-direct -o requirements/oldest.txt

clean: ## Remove .venv, caches and the demo
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf .coverage .coverage.* htmlcov build dist counterfoil-demo

# The lock is whole, so pip has nothing to resolve; where it does, it overlooks pins with extras.
$(READY): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Counterfoil needs Python 3.11 or newer, and none is on the" \
		"path. Install it, or name one: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is" \
		"older than Python 3.11, which Counterfoil needs. Name a newer one:" \
		"make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual" \
		"environment. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): once, about half a minute ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps \
		-r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps \
		--no-build-isolation -e .
	@touch $@
