# Two commands: `make demo` and `make test`. Both do all the set-up and may be called again at any time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)

.PHONY: demo test install dev lint types imports tests slow docs wheel clean

demo: $(VENV)/.core
	$(BIN)/rlgen train --env rlgen/SupportDynamic-v0 --steps 50000 --out runs/demo
	$(BIN)/rlgen evaluate runs/demo --people 300
	$(BIN)/rlgen report runs/demo
	@echo "Open runs/demo/report.html. Next: which reward is better, on the response surface in minutes:"
	@echo "  $(BIN)/rlgen sweep --designs default engagement_only --seeds 3 --train '{generator: {kind: surface, path: shipped:surface}}'"
	@echo "  $(BIN)/rlgen compare studies/designs --people 300"

test: lint types imports tests

install: $(VENV)/.core
dev: $(VENV)/.dev

lint: $(VENV)/.dev
	$(BIN)/ruff check rlgen tests tools benchmarks recipes examples
	$(BIN)/ruff format --check rlgen tests tools benchmarks recipes examples

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

# One BLAS thread for each of the two workers: more only fight over the cores.
tests: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --durations 10

slow: $(VENV)/.dev
	$(BIN)/pytest -m slow

# Pages and API reference, in build/site.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheel: $(VENV)/.dev
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "rlgen needs Python 3.11 or newer; call make with PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python tools/install.py
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(BIN)/python tools/install.py dev
	touch $@

$(VENV)/.docs: $(VENV)/.core
	$(BIN)/python tools/install.py docs
	touch $@
