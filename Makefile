# Needs GNU make, Python 3.11 or newer, and (except for `check`) a container engine.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
REPORT ?= report
FAULTS ?= 4
DRAWN ?= 2000
SEED ?= 0
VENV := .venv
BIN := $(VENV)/bin
FILLED := $(VENV)/.filled

# Each worker has topologies of its own. Not for tests that look at what happens when: they want the processors.
SPREAD := --numprocesses auto --maxprocesses 4 --dist loadfile

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
# Without its files of bytecode Python compiles, and pytest rewrites, 600 modules in each process.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check simulate images browser up down bench soak lock clean engine

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

run: engine ## break a pair of servers in every scenario; the report is in report/ (REPORT=DIR for another)
	$(BIN)/testbed images build
	$(BIN)/pytest tests/scenarios --testbed-report $(REPORT)

test: check engine browser ## everything: the checks, then all tests with containers; reports in report/ and report/engine/
	$(BIN)/testbed images build
	$(BIN)/pytest $(SPREAD) tests/engine tests/cli tests/defects/test_caught.py tests/simulator tests/plugin \
	  --ignore tests/cli/test_random.py --testbed-report $(REPORT)/engine
	$(BIN)/pytest tests/contracts tests/scenarios tests/cli/test_random.py tests/defects/test_judged.py \
	  tests/defects/test_on_containers.py tests/conform tests/matrix tests/browser --testbed-report $(REPORT) \
	  --deselect tests/cli/test_random.py::test_a_schedule_that_the_simulator_found_fails_on_containers_as_well

check: $(FILLED) ## lint, types, and the tests that need no engine
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses $$(($$(nproc) + 1)) tests/tidy tests/unit

simulate: $(FILLED) ## walk every schedule of faults in virtual time (FAULTS=4 DRAWN=2000 SEED=0; no engine)
	$(BIN)/testbed simulate --faults $(FAULTS) --overlapping 2 --drawn $(DRAWN) --seed $(SEED)

images: engine ## make the container images, where they are missing or old
	$(BIN)/testbed images build

browser: ## get Chromium, Firefox, certutil, curl and wget for the tests with real clients, where they are missing
	@missing=; \
	command -v "$${TESTBED_CHROMIUM:-chromium}" >/dev/null || missing="chromium fonts-liberation"; \
	command -v "$${TESTBED_FIREFOX:-firefox-esr}" >/dev/null || missing="$$missing firefox-esr"; \
	command -v certutil >/dev/null || missing="$$missing libnss3-tools"; \
	for each in curl wget; do command -v $$each >/dev/null || missing="$$missing $$each"; done; \
	[ -z "$$missing" ] || { \
	  get="apt-get install --no-install-recommends $$missing"; \
	  if [ "$$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then \
	    echo "Installing what is missing: $$get"; \
	    { apt-get update -q && DEBIAN_FRONTEND=noninteractive $$get -qy; } >&2; \
	  else \
	    echo "Programs are missing, so tests that need them are skipped; on Debian, as root: $$get" >&2; \
	    [ "$${CI:-}" != true ]; \
	  fi; }

up: engine ## start a pair of servers named demo
	$(BIN)/testbed up --name demo

down: engine ## remove it
	$(BIN)/testbed down demo

bench: engine ## measure
	$(BIN)/python -m tests.bench

soak: engine ## what takes long: a hundred SIGKILLs, forty runs side by side, every defect on containers (SEED=S)
	$(BIN)/testbed images build
	TESTBED_KILLS=100 TESTBED_ROUNDS=10 $(BIN)/pytest tests/engine/test_sigkill.py tests/engine/test_side_by_side.py \
	  --testbed-seed $(SEED)
	mkdir -p $(REPORT)/histories
	TESTBED_KEEP_HISTORIES=$(REPORT)/histories $(BIN)/pytest tests/defects/test_judged.py tests/defects/test_shrunk.py \
	  tests/defects/test_every_act.py tests/cli/test_random.py

lock: $(FILLED) ## renew the pinned versions of .requirements.lock and images/base/requirements.txt
	$(BIN)/python -m venv .lock
	.lock/bin/pip install --quiet pip-tools
	@compile() { .lock/bin/pip-compile --quiet --upgrade --allow-unsafe --generate-hashes --strip-extras \
	  --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file .lock/out.txt "$$@"; }; \
	compile --extra dev --all-build-deps pyproject.toml; \
	{ head -1 .requirements.lock; cat .lock/out.txt; } >.lock/lock.txt; rm .lock/out.txt; \
	sed -nE 's/^ *"((flask|cheroot|msgspec)[<>=].*)",$$/\1/p' pyproject.toml >.lock/images.in; \
	compile --constraint .lock/lock.txt .lock/images.in; \
	{ head -1 images/base/requirements.txt; cat .lock/out.txt; } >.lock/images.txt; \
	cp .lock/lock.txt .requirements.lock; cp .lock/images.txt images/base/requirements.txt; rm -rf .lock

clean: ## remove the virtual environment, the report and caches (not the images)
	rm -rf $(VENV) .lock $(REPORT) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find images stubs testbed tests -name __pycache__ -type d -prune -exec rm -rf {} +

engine: $(FILLED)
	@$(BIN)/python -c 'import docker; docker.from_env(timeout=10).ping()' 2>/dev/null || { \
	  echo "No container engine answers. Start one (on Debian, as root: apt-get install docker.io && service docker start)," \
	    "or let DOCKER_HOST name one." >&2; exit 2; }

# What the virtual environment is made with, and when to make it again.
$(FILLED): .requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is not. Name one: make PYTHON=/path/to/python3" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then \
	    echo "Installing what is missing: apt-get install python3-venv"; \
	    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy python3-venv; } >&2; \
	  else \
	    echo "Python's venv is missing; on Debian, as root: apt-get install python3-venv" >&2; exit 2; \
	  fi; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement .requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
