# The whole of the project's work in one place. Needs only Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
N ?= 10000

.PHONY: run test check format lint types contracts openapi migrations bench lock clean

run: $(VENV)/.run
	@exec $(BIN)/demand-registry run

# With bytecode even where the environment wants none: hundreds of processes are started, and each would compile all that
# it imports, the workers 200 rewritten files of tests besides.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(MEASURED)

# Coverage is measured where it is looked at, by `make check` and in CI: it costs a third of the time.
MEASURED ?= $(if $(CI),--cov --cov-report=)
check: MEASURED := --cov --cov-report=
check: format lint types contracts openapi migrations test coverage

format: $(VENV)/.dev
	@$(BIN)/ruff format --check .
lint: $(VENV)/.dev
	@$(BIN)/ruff check .
types: $(VENV)/.dev
	@$(BIN)/mypy
	@$(BIN)/basedpyright
contracts: $(VENV)/.dev
	@$(BIN)/lint-imports
openapi: $(VENV)/.dev
	@$(BIN)/python -m api.openapi --check
	@$(BIN)/python -m api.problems --check
	@$(BIN)/python -m api.vectors --check
migrations: $(VENV)/.dev
	@$(BIN)/python -m registry.db.schema_dump --check

.PHONY: coverage
coverage: $(VENV)/.dev
	@$(BIN)/coverage report --fail-under=93
	@$(BIN)/coverage report --include='registry/domain/*' --fail-under=100

bench: $(VENV)/.dev
	@$(BIN)/python -m tests.bench $(N)

# Locks hold hashes and name no index. `make lock` needs uv; everything else needs only pip.
LOCK := uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --no-strip-extras --no-emit-index-url --no-emit-find-links
lock:
	$(LOCK) --extra server --extra embedded --group build --output-file requirements.lock pyproject.toml
	$(LOCK) --all-extras --group dev --constraints requirements.lock --output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf $(VENV) build *.egg-info .coverage* .hypothesis .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=... make ...)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing (once) into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "Installing the tools for tests and checks (once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
