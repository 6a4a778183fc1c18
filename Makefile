# `make demo` and `make test` need nothing but Python 3.10 or newer and a network to fetch packages once.
VENV ?= .venv
BIN = $(VENV)/bin
PYTHON ?= python3
# The CPU build; plain "torch" may pull gigabytes of CUDA packages.
TORCH ?= torch==2.13.0

# Khronos' validator of glTF; a test opens our files in it.
GLTF_VALIDATOR ?= 2.0.0-dev.3.10

.PHONY: demo test slow check bench card clean lint types wheel

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.core: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet -e ".[train,mocap,eval,synth,cluster]" --group dev
	@touch $@

demo: $(VENV)/.core
	bash runs/demo.sh $(BIN)

test: $(VENV)/.dev
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff format --check src tests examples
	$(BIN)/ruff check src tests examples

types: $(VENV)/.dev
	$(BIN)/mypy

wheel: $(VENV)/.dev
	bash runs/check_wheel.sh $(BIN)

# For the slow tests alone, and only where there is npm: without it that test is skipped and says why.
$(VENV)/.gltf-$(GLTF_VALIDATOR): $(BIN)/python
	@if command -v npm >/dev/null && command -v node >/dev/null; then \
	    npm install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix $(VENV)/npm \
	        gltf-validator@$(GLTF_VALIDATOR) && touch $@ || echo "gltf-validator could not be installed: its test is skipped"; \
	else echo "no npm here: the test with gltf-validator is skipped"; fi

slow: $(VENV)/.dev $(VENV)/.gltf-$(GLTF_VALIDATOR)
	$(BIN)/python -m pytest -m slow

check: lint types test slow wheel

bench: $(VENV)/.dev
	PATH="$(CURDIR)/$(BIN):$$PATH" bash runs/bench.sh

card: $(VENV)/.dev
	PATH="$(CURDIR)/$(BIN):$$PATH" bash runs/card.sh

clean:
	rm -rf $(VENV) build dist demo .pytest_cache .mypy_cache .ruff_cache
