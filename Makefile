# `make demo` and `make test` need nothing but Python 3.11 to 3.13: they make .venv and install the pinned versions.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What using the package needs, and what developing needs on top of it: two parts, which share no package.
CREATED := $(VENV)/pyvenv.cfg
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
DEV_READY := $(VENV)/.dev-ready
# Python compiles what it imports when it first does: a quarter of all that is installed.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
# So that is kept, whatever the environment says: each process of the tests that imports TensorFlow would compile it again,
# which takes four seconds.
unexport PYTHONDONTWRITEBYTECODE
# Workers of pytest; two suit two cores, three are no faster there.
JOBS ?= 2
# The plugins that are used, by name: pytest would rewrite the modules of every other one, too, in each process.
PYTEST := PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/pytest -p xdist -p hypothesispytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: demo test tests test-lessons test-all prove check style types imports audit format notebooks docs clean

demo: $(READY)
	$(BIN)/nmt demo

# Every test but those that run the lessons and tutorials. Types are checked beside them: before them one core would wait
# for the other. What was wrong with them is said among the tests' dots, so it is said again at the end.
test: $(DEV_READY)
	@$(MAKE) --no-print-directory -j 2 style imports
	@$(MAKE) --no-print-directory -j 3 types audit tests || { $(BIN)/mypy >/dev/null || $(BIN)/mypy; exit 1; }

tests: $(DEV_READY)
	$(PYTEST) -m "not lesson"

# The lessons and tutorials at their small size. Each lesson goes to a worker that has none; the tutorials share their files.
test-lessons: $(DEV_READY)
	$(PYTEST) --dist loadgroup -m lesson tests

test-all: test test-lessons

# Each proof with its full count, one after another: hours. PROOFS="kills" runs one.
PROOFS ?= $(patsubst tests/proving/test_%.py,%,$(sort $(wildcard tests/proving/test_*.py)))
prove: $(DEV_READY)
	@failed=; for proof in $(PROOFS); do \
		(cd tests && PYTHONPATH=.. "$(abspath $(BIN))/python" -m proving.$$proof) || failed="$$failed $$proof"; \
	done; test -z "$$failed" || { echo "These proofs failed:$$failed"; exit 1; }

check: $(DEV_READY)
	@$(MAKE) --no-print-directory -j 4 style types imports audit

style: $(DEV_READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(DEV_READY)
	$(BIN)/mypy

imports: $(DEV_READY)
	$(BIN)/lint-imports

# Known vulnerabilities of the pinned packages: a warning, at most once a day, and nothing without a network.
audit: $(DEV_READY)
	@$(BIN)/python .ci/audit.py

format: $(DEV_READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# NO_MKDOCS_2_WARNING: the theme would advertise its successor at every build.
docs: $(DEV_READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The pages are in site/: open site/index.html, no server is needed."

# Runs the lessons at full size and keeps their outputs; NAMES="02_attention_by_hand" runs one.
notebooks: $(DEV_READY)
	$(BIN)/python notebooks/run.py $(NAMES)

# On a Debian without python3-venv, venv writes this file and then fails, before there is pip.
$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "nmt needs Python 3.11, 3.12 or 3.13 (tensorflow-text has no wheels for 3.14 yet). Name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(READY): requirements.lock pyproject.toml | $(CREATED)
	$(INSTALL) -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $(READY)

$(TOOLS): requirements-dev.lock | $(CREATED)
	$(INSTALL) --no-deps -r requirements-dev.lock
	touch $(TOOLS)

# Both parts at once, which takes two thirds of the time.
$(DEV_READY): $(CREATED) requirements.lock pyproject.toml requirements-dev.lock
	@$(MAKE) --no-print-directory -j 2 $(READY) $(TOOLS)
	@$(BIN)/python -m pip check --disable-pip-version-check
	touch $(DEV_READY)

clean:
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
