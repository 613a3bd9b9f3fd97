# 三晋通 backend. `make` lists what can be done.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BROWSER := $(VENV)/browser/.ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Starts are several times slower where Python may not keep its byte code.
export PYTHONDONTWRITEBYTECODE :=
TEST_WORKERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help run demo test browser nightly check format bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "需要 Python 3.11 或更高版本"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile -r requirements.lock
	@# Byte code of everything but the 36,000 modules of which the house imports a dozen.
	-@$(BIN)/python -m compileall -qq -j 0 -x '/alipay/aop/api/(domain|request|response)/' $(VENV)/lib
	@touch $(READY)

$(BROWSER): $(READY) tests/e2e/browser/package-lock.json
	@$(BIN)/python -m tests.e2e.browser.chromium $(VENV)/browser
	@touch $(BROWSER)

run: $(READY) ## set up and run everything: PostgreSQL, Redis, simulators, API, job runner
	@exec $(BIN)/python run.py serve

demo: $(READY) ## play the two citizens' journey, money, cases, notices and console against the running service, or start one
	@$(BIN)/python run.py demo

test: $(READY) $(BROWSER) ## set up and run the whole test suite
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadgroup --durations=20 --durations-min=5

browser: $(BROWSER) ## fetch the browser in which the console is tested

nightly: $(READY) ## two thousand random courses of a payment; minutes to half an hour
	@SJT_PROPERTY_SEQUENCES=2000 $(BIN)/python -m pytest tests/property/test_payments_stateful.py

check: $(READY) ## format, lint, types, unit and architecture tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy app services payments notify clients handlers run.py
	@$(BIN)/python -m pytest tests/unit tests/architecture

format: $(READY) ## rewrite the sources in the house format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: $(READY) ## measure against the floors and print the table of docs/performance.md
	@$(BIN)/python -m bench

clean: ## remove the virtual environment and all run-time data
	rm -rf $(VENV) var
