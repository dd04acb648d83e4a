# make demo   two minutes on a simulated serial line: what guardpost does
# make test   everything that proves it; ends with pytest's own last line
# make deb    the host's side as a package, around one static executable; make rpm: the same (dist/)
# All of it happens in .venv, which is made on first use from a Python 3.11 or newer on PATH
# (PYTHON=... chooses one). Nothing is installed on the system.

BIN    := .venv/bin
NATIVE := $(wildcard native/*.c native/*.h native/*.cdef native/*.py)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all packages slow-packages bench deb rpm lint format clean

help:
	@sed -n 's/^# //p' Makefile

demo: .venv/built
	@$(BIN)/guardpost demo

test: packages .venv/built
	@$(BIN)/python -m pytest -q --continue-on-collection-errors

# Also what takes minutes, and more examples for every property.
test-all: slow-packages .venv/built
	@$(BIN)/python -m pytest -q --continue-on-collection-errors --all

# Does nothing but on a build machine (CI=1 and root); everywhere else the tests name what is missing.
packages:
	@sh packaging/ci-packages.sh

slow-packages:
	@sh packaging/ci-packages.sh slow

bench: .venv/built
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-build-isolation -e '.[bench]'
	@$(BIN)/python -m bench

deb rpm: .venv/built
	@$(BIN)/python build_frozen.py --output build/frozen
	@$(BIN)/python packaging/build_packages.py --executable build/frozen/guardpost-agent $@

lint: .venv/built
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --cache-dir .mypy_cache/linux
	@$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32

format: .venv/built
	@$(BIN)/ruff check --fix-only -q .
	@$(BIN)/ruff format .

# The tools, then the codec: a change in native/ rebuilds only the second.
.venv/ready: pyproject.toml
	@python=$$(sh packaging/find-python.sh) && echo "making .venv with $$python" && \
		{ $(BIN)/python -c 'import pip' 2>/dev/null || $$python -m venv .venv; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check 'setuptools >= 77' 'cffi >= 1.16'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-build-isolation -e '.[console,dev,ipmi]'
	@touch $@

.venv/built: .venv/ready $(NATIVE)
	@if [ -n "$(filter $(NATIVE),$?)" ] && [ -e .venv/built ]; then \
		echo "building the codec" && \
		$(BIN)/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e . ; fi
	@touch $@

clean:
	@rm -rf .venv build dist *.egg-info guardpost/_framing*.so .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
