# make report | test | slow | lint        PYTHON=python3.13 picks another interpreter
#
# The interpreter named python3 gets .venv, any other .venv-X.Y. A virtual environment is built anew when it
# was made by another interpreter or in another folder, and installed into again when pyproject.toml changes.

PYTHON ?= python3
WORKERS ?= auto

# The version of an interpreter and where it is at home; nothing when it does not run.
identity = $(shell $(1) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.base_prefix)' 2>/dev/null)
INTERPRETER := $(call identity,$(PYTHON))
ifeq ($(INTERPRETER),)
# pyenv installed it, but has not put it on PATH.
override PYTHON := $(or $(lastword $(sort $(wildcard $(shell pyenv root 2>/dev/null)/versions/*/bin/$(PYTHON)))),$(PYTHON))
INTERPRETER := $(call identity,$(PYTHON))
endif
ifeq ($(INTERPRETER),)
$(error PYTHON=$(PYTHON) does not run: name a Python >= 3.11, as in 'make test PYTHON=python3.13')
endif
VERSION := $(firstword $(INTERPRETER))
ifeq ($(shell $(PYTHON) -c 'import sys; print(sys.version_info >= (3, 11))'),False)
$(error Python >= 3.11 is needed, $(PYTHON) is $(VERSION): name another, as in 'make test PYTHON=python3.13')
endif

VENV := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(basename $(VERSION)))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

# What the environment was made by and where; empty when its own interpreter no longer runs.
MAKER := $(INTERPRETER) $(CURDIR)
MADE_BY := $(shell $(BIN)/python -c 'print(open("$(VENV)/made-by").read(), end="")' 2>/dev/null)

# Several test workers share the cores: one thread of linear algebra each.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1

.PHONY: help report test slow lint clean another-maker
.NOTPARALLEL:

help:
	@sed -n '1s/^# //p' Makefile

report: $(VENV)/installed
	$(BIN)/em-crosscheck run --out reports --overwrite
	$(BIN)/em-crosscheck certify --starts 20 --out reports --overwrite

test: $(VENV)/installed-test
	$(ONE_THREAD) $(BIN)/python -m pytest -q -m "not slow" -n $(WORKERS) --maxprocesses 8 --dist loadfile

slow: $(VENV)/installed-test
	$(ONE_THREAD) $(BIN)/python -m pytest -q -m slow -n $(WORKERS) --maxprocesses 8 --durations 10 || [ $$? -eq 5 ]  # 5: there are none

lint: $(VENV)/installed-test
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

clean:
	rm -rf .venv .venv-* .cache build dist

ifneq ($(MADE_BY),$(MAKER))
$(VENV)/made-by: another-maker
endif
$(VENV)/made-by:
	@echo "Creating $(VENV) with Python $(VERSION)"
	@$(PYTHON) -m venv --clear $(VENV)
	@echo "$(MAKER)" > $@

$(VENV)/installed: $(VENV)/made-by pyproject.toml
	@echo "Installing em-crosscheck into $(VENV) (some minutes the first time)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/made-by pyproject.toml
	@echo "Installing em-crosscheck[test] into $(VENV) (some minutes the first time)"
	@$(PIP) install --editable ".[test]"
	@touch $(VENV)/installed $@
