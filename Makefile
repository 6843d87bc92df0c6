# Every command a person or CI runs. `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
DEMO_DIR ?= .demo
HOST ?= 127.0.0.1
PORT ?= 8000
CLUSTER ?= /var/tmp/superfacility-cluster
SUITES ?= bookworm trixie sid
JOBS ?= 3

# Whoever forbids Python to keep its bytecode has every command compile a thousand modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-demo setup-dev demo demo-slurm cluster-up cluster-down serve test test-matrix soak check bench openapi docs lock clean

help: ## list these commands
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# Each stamp is an installation that matches its lock file; nothing is installed twice.
.venv/bin/uv: requirements-uv.lock
	@test -d .venv || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

.venv/runtime.stamp: .venv/bin/uv requirements.lock pyproject.toml
	@echo "Installing Superfacility into .venv ..."
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/demo.stamp: .venv/runtime.stamp requirements-demo.lock
	@echo "Installing the demo's science (stempy, h5py, pillow) and sfapi_client into .venv ..."
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-demo.lock
	@touch $@

.venv/dev.stamp: .venv/demo.stamp requirements-dev.lock
	@echo "Installing the test and development tools into .venv ..."
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/runtime.stamp ## install Superfacility into .venv (hashed, locked)
setup-demo: .venv/demo.stamp
setup-dev: .venv/dev.stamp

demo: setup-demo ## run the model case on a demonstration facility (KEEP=1 leaves the server running)
	@$(BIN)/python examples/01-model-case/demo.py --dir $(DEMO_DIR) $(if $(KEEP),--keep)

demo-slurm: setup-demo cluster-up ## run the model case on a real Slurm cluster, as root; the cluster stays up
	@$(BIN)/python examples/01-model-case/demo.py --dir $(DEMO_DIR)-slurm --cluster $(CLUSTER) $(if $(KEEP),--keep)

cluster-up: ## bring up a Slurm cluster in CLUSTER, on Debian or Ubuntu as root
	@deploy/test-cluster/up.sh $(CLUSTER)

cluster-down: ## end that cluster (PURGE=1 removes its folder)
	@deploy/test-cluster/down.sh $(if $(PURGE),--purge) $(CLUSTER)

serve: setup ## serve a demonstration facility on HOST:PORT
	@test -e $(DEMO_DIR)/superfacility.toml || $(BIN)/sfapi init $(DEMO_DIR) --demo
	@$(BIN)/sfapi serve --config $(DEMO_DIR)/superfacility.toml --host $(HOST) --port $(PORT)

test: setup-dev ## run every test that this machine allows, in JOBS processes
	@$(BIN)/python -m tests.debian
	@$(BIN)/python -m pytest tests -rs -n $(JOBS) --dist loadgroup

test-matrix: setup-dev ## run the Slurm tests on the Slurm of each Debian release in SUITES, as root
	@failed=; for suite in $(SUITES); do \
		echo "== Slurm of Debian $$suite"; \
		state=$$(deploy/test-cluster/suite.sh up $$suite) || exit 1; \
		SFAPI_TEST_CLUSTER=$$state $(BIN)/python -m pytest tests/contracts/slurm tests/system/test_cluster.py || failed="$$failed $$suite"; \
		deploy/test-cluster/suite.sh down $$suite >/dev/null || exit 1; \
	done; test -z "$$failed" || { echo "failed on:$$failed"; exit 1; }

soak: setup-dev ## run the reliability and security tests with their full counts
	@$(BIN)/python -m tests.debian
	@$(BIN)/python -m pytest tests -m soak --soak

check: setup-dev ## lint, types, import rules, generated files current
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m superfacility.cli.generate --check

bench: setup-dev ## print the benchmark tables
	@$(BIN)/python -m benchmarks

openapi docs: setup-dev ## write openapi.json and the generated reference pages
	@$(BIN)/python -m superfacility.cli.generate

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
lock: .venv/bin/uv ## renew the lock files
	@echo uv | $(LOCK) - -o requirements-uv.lock
	@$(LOCK) pyproject.toml --group build -o requirements.lock
	@$(LOCK) pyproject.toml --extra demo -c requirements.lock -o requirements-demo.lock
	@$(LOCK) pyproject.toml --extra demo --group build --group dev -c requirements-demo.lock -o requirements-dev.lock

clean: ## remove the environment and the demonstration's state
	@rm -rf .venv $(DEMO_DIR)
