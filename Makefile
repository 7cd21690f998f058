# Every target sets up what it needs, from nothing but Python 3.11, make and the package registries.
PYTHON ?= python3
BIN := .venv/bin
BENCH := .venv-bench/bin

.PHONY: demo study pretrain test lint types bench clean help

help:
	@echo "make demo   train a model, segment scans it never saw, score, mesh and draw them, in demo/"
	@echo "make study  the five studies and their notebooks, tiny, on phantoms, in study/"
	@echo "make pretrain  a model like the one that ships, from bone surfaces: two hours on two cores, in pretraining/"
	@echo "make test   lint, types and all tests with coverage"
	@echo "make bench  times and memory beside other tools, in one run"

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Condyle needs Python 3.11 or later")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

.venv/usable: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Condyle needs Python 3.11 or later")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv-bench/ready: pyproject.toml constraints.txt bench/requirements.txt
	$(PYTHON) -m venv .venv-bench
	$(BENCH)/pip install --quiet --constraint constraints.txt --editable ".[app,dask]" --requirement bench/requirements.txt
	@touch $@

demo: .venv/usable
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/demo demo

# The notebooks run the studies; what is done already is not done again.
study: .venv/ready
	$(BIN)/python tools/notebooks study notebooks/*.ipynb

# Goes on where it was stopped. Where a graphics card is: make pretrain PRETRAIN="--device cuda --minutes 10".
pretrain: .venv/ready
	$(BIN)/python -m pretrain $(PRETRAIN)

test: .venv/ready lint types
	tools/install-test-programs
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --cov --cov-report term

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready
	$(BIN)/mypy

bench: .venv-bench/ready
	$(BENCH)/python -m bench

clean:
	rm -rf .venv .venv-bench demo study pretraining build dist src/*.egg-info .coverage*
