# Every target builds what it needs: Python 3.11+, git and make are enough. Nothing is installed outside this folder.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := uv
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: help demo run test check bench score mutants fuzz matrix acceptance format lint types contracts coverage lock clean
.DEFAULT_GOAL := help

help:            ## what can be made
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(VENV)/.runtime: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Stormwatch needs Python 3.11 or newer; set PYTHON=python3.12, say") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(PIP) install --require-hashes -r requirements-dev.lock
	touch $@

# Node comes from a wheel; anvil and the audited contracts from npm, pinned by tests/evm/package-lock.json.
tests/evm/node_modules/.ready: $(VENV)/.dev tests/evm/package-lock.json tests/evm/pools/package-lock.json
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --prefix tests/evm --no-audit --no-fund --loglevel=error
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --prefix tests/evm/pools --no-audit --no-fund --loglevel=error
	touch $@

# A browser for the tests of the board. Where it cannot be had they are skipped, and counted.
tests/browser/node_modules/.ready: $(VENV)/.dev tests/browser/package-lock.json
	-PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --prefix tests/browser --no-audit --no-fund --loglevel=error && touch $@

demo: $(VENV)/.runtime   ## a perfect storm on loopback, seen end to end by the real program (about 100 s)
	$(BIN)/stormwatch drill perfect-storm

run: $(VENV)/.runtime    ## the daemon, with stormwatch.toml (stormwatch config init writes one)
	$(BIN)/stormwatch run

test: $(VENV)/.dev tests/evm/node_modules/.ready tests/browser/node_modules/.ready   ## all tests but the minute-long drills
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not acceptance"

acceptance: $(VENV)/.dev tests/evm/node_modules/.ready tests/browser/node_modules/.ready   ## whole-program runs: every drill twice, real frames, real node
	$(BIN)/python -m pytest -m acceptance -x --timeout 900

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/lint-imports

coverage: $(VENV)/.dev tests/evm/node_modules/.ready   ## branch coverage by the tests that need nothing outside; the pure rooms must be whole
	$(BIN)/python -m tests.pure_rooms

check: lint types contracts coverage   ## format, lint, types, import contracts, coverage of the pure rooms (CI runs `make test` and this)

# What the benchmarks are compared with, in a place of its own: its libraries are older than ours.
.peers/.ready: $(VENV)/.dev Makefile
	$(PYTHON) -m venv .peers
	-.peers/bin/pip --disable-pip-version-check -q install ethereum-etl==2.4.2 'setuptools<81'
	-.peers/bin/pip --disable-pip-version-check -q install --no-deps parsimonious==0.10.0 regex
	-PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm install --prefix .peers --no-save --no-audit --no-fund --loglevel=error evm-proxy-detection@3.0.0
	-$(PYTHON) -m venv .peers/cryptofeed
	-.peers/cryptofeed/bin/pip --disable-pip-version-check -q install cryptofeed==2.4.1
	-$(PYTHON) -m venv .peers/ccxt
	-.peers/ccxt/bin/pip --disable-pip-version-check -q install ccxt==4.5.90
	-$(PYTHON) -m venv .peers/bytewax
	-.peers/bytewax/bin/pip --disable-pip-version-check -q install bytewax==0.21.1
	touch $@

bench: $(VENV)/.dev tests/evm/node_modules/.ready .peers/.ready   ## measured figures of this machine
	$(BIN)/python -m tests.bench

score: $(VENV)/.runtime   ## recall, false alarms, delays and calibration of the judgement, on simulated cases (docs/score.md)
	$(BIN)/stormwatch score --seeds 400 --train 100

mutants: $(VENV)/.dev tests/evm/node_modules/.ready   ## small faults put into the code, each of which a test must notice (an hour)
	$(BIN)/python -m tests.mutants

fuzz: $(VENV)/.dev   ## made messages for everything that reads bytes from venues; none may raise or be admitted as nonsense
	$(BIN)/python -m tests.fuzz

matrix: $(VENV)/.dev   ## the table of venues in README.md, from their declarations
	$(BIN)/python -m tests.venue_matrix

lock:            ## renew the pinned requirements (needs uv)
	$(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q \
	  --group build pyproject.toml -o requirements.lock
	$(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q \
	  --extra parquet --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) .peers tests/browser/node_modules tests/evm/node_modules tests/evm/pools/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
