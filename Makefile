# Everything is set up by the two commands of the README: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Wheels alone: building from source would fetch what no hash is known of.
HASHED := $(PIP_INSTALL) --require-hashes --only-binary :all: --requirement
REQUIREMENTS := .ci/requirements.txt
BUILD_REQUIREMENTS := .ci/requirements-build.txt
DEV_REQUIREMENTS := .ci/requirements-dev.txt

.PHONY: setup requirements run run-all check test test-heavy test-registries test-cluster cluster \
        cluster-build cluster-down lint lint-style lint-types lint-contracts docs bench bench-bake release clean

setup: build/.setup

# A fresh machine may lack pip's own bootstrap; a finished .venv is never touched again.
$(BIN)/builder: pyproject.toml $(REQUIREMENTS) $(BUILD_REQUIREMENTS)
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { apt-get update -q && apt-get install -yq --no-install-recommends python3-venv; }
	$(PYTHON) -m venv $(VENV)
	$(HASHED) $(BUILD_REQUIREMENTS) --requirement $(REQUIREMENTS)
	$(PIP_INSTALL) --no-index --no-deps --no-build-isolation --editable .
	touch $@

# What only tests and checks need.
$(VENV)/.dev: $(BIN)/builder $(DEV_REQUIREMENTS)
	$(HASHED) $(DEV_REQUIREMENTS)
	touch $@

# The newest packages that pyproject.toml admits, with their hashes, for every Python and system.
# The weekly workflow runs this after `make setup`, and its pull request has what changed.
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
           --only-binary :all: --no-header --no-annotate --no-emit-index-url
# An editable install needs `editables` beside what pyproject.toml says.
BUILD_SYSTEM := import tomllib; \
  print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], "editables<1", sep="\n")

requirements:
	$(COMPILE) --extra dev --output-file $(DEV_REQUIREMENTS) pyproject.toml
	$(COMPILE) --constraint $(DEV_REQUIREMENTS) --output-file $(REQUIREMENTS) pyproject.toml
	$(BIN)/python -c '$(BUILD_SYSTEM)' | \
	  $(COMPILE) --constraint $(DEV_REQUIREMENTS) --output-file $(BUILD_REQUIREMENTS) -

build/.setup: $(BIN)/builder
	$(BIN)/builder doctor --install
	mkdir -p build && touch $@

# Some of the smoke tests look at pages in a browser, and are skipped without it.
build/.browser: build/.setup
	$(BIN)/builder doctor --browser
	touch $@

# What only tests need of Debian: a file system without modes, jq, Java, and Go for two checkers.
TEST_PACKAGES = $(shell command -v bindfs >/dev/null || echo bindfs; \
                        command -v jq >/dev/null || echo jq; \
                        command -v javac >/dev/null || echo default-jdk-headless; \
                        command -v go >/dev/null || echo golang-go)

build/.test-tools: build/.browser
	test -z "$(TEST_PACKAGES)" || { apt-get update -q && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends $(TEST_PACKAGES); }
	touch $@

# JupyterLab on the Python of both Debians, R, and all that these stand on: under ten minutes.
STARTER := -s '+jupyter-python,python=3.13,cuda=none' -s '+jupyter-python,python=3.11,cuda=none' \
           -s '+r-minimal,r=4.5,cuda=none'

run: setup
	$(BIN)/builder weekly $(STARTER)

# All that can be built here; what it did not finish, the next one does. It says first what time and disk
# it expects, and keeps to the budget.
DISK_BUDGET ?= 120G

run-all: setup build/.browser
	$(BIN)/builder weekly --reachable --disk-budget $(DISK_BUDGET)

# The edit loop: no engine, no network, a minute. `make test` alone runs the unit tests that are marked
# `slow`, and tries readers with more than a handful of hostile inputs each. The next run finds the
# bytecode of this one. A part of the tests waits for time limits, so that there are two for each core.
check: lint
	FUZZ=few PYTHONDONTWRITEBYTECODE= \
	    $(BIN)/pytest -q -n $$((2 * $$(nproc))) --dist worksteal -m 'not heavy and not slow' tests/unit

# A test that is skipped fails, unless it is for what no machine can be given: see tests/skips.py. Which
# files one process runs, and which begin first, is said in tests/units.py.
test: setup build/.test-tools lint docs
	$(BIN)/pytest -q --no-skips -n auto --dist worksteal tests/unit
	$(BIN)/pytest --no-skips -n auto --dist loadfile --no-loadscope-reorder --ignore=tests/unit

test-heavy: setup build/.test-tools $(VENV)/.dev
	$(BIN)/pytest -m heavy

# Every command, before fronts that behave as public and private registries do. What each was asked
# stands in build/registries.md, and which command ended well in build/registries-commands.md.
test-registries: setup $(VENV)/.dev
	$(BIN)/pytest -m 'heavy or not heavy' tests/integration/registries

# A real Kubernetes of two nodes on this machine: see docs/cluster.md. No CI runs its tests.
K8S ?= 1.34

cluster-build: setup
	$(BIN)/python -m tests.cluster build --minor $(K8S)

cluster: setup
	$(BIN)/python -m tests.cluster up --minor $(K8S)

cluster-down: setup
	$(BIN)/python -m tests.cluster down --minor $(K8S)

test-cluster: cluster-build build/.browser $(VENV)/.dev
	K8S=$(K8S) $(BIN)/pytest --no-skips -m cluster tests/cluster

# Two at a time; all of them are run, whatever fails.
lint: $(VENV)/.dev
	$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync lint-types lint-style lint-contracts

lint-style: $(VENV)/.dev
	$(BIN)/ruff check builder tests images charts docs
	$(BIN)/ruff format --check builder tests images charts docs

lint-types: $(VENV)/.dev
	$(BIN)/mypy

lint-contracts: $(VENV)/.dev
	$(BIN)/lint-imports --cache-dir build/.import-linter

# The pages of docs/ as a site in build/docs. A link to what is not there fails.
docs: $(VENV)/.dev
	$(BIN)/sphinx-build -q -W --keep-going -c docs -d build/docs/.doctrees -b html . build/docs

bench: setup $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks.run
	$(BIN)/python -m tests.benchmarks.locks

# The starter slice on a Docker engine of its own, by the builder and by docker buildx bake.
bench-bake: setup
	$(BIN)/python -m tests.benchmarks.bake $(STARTER)

# Wheel, source distribution and requirements with hashes, of what is committed, and their sums. The
# same commit gives the same files.
DIST ?= build/dist

release: $(VENV)/.dev
	rm -rf $(DIST) build/release && mkdir -p $(DIST) build/release
	git archive HEAD | tar -x -C build/release
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
	    $(BIN)/python -m build --no-isolation --outdir $(DIST) build/release
	cp build/release/$(REQUIREMENTS) $(DIST)/requirements.txt
	cd $(DIST) && sha256sum *.whl *.tar.gz requirements.txt > SHA256SUMS
	rm -rf build/release

clean: $(BIN)/builder
	$(BIN)/builder clean
