# `make help` lists the targets. Everything is installed into .venv, with hashes, from the lock files.

PYTHON ?= python3
JOBS   ?= 2
ARGS   ?=

VENV := .venv
# Modules are run as `python -m`, so that a folder with spaces in its name works too.
PY   := $(VENV)/bin/python
PIP  := $(PY) -m pip --disable-pip-version-check
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --custom-compile-command "make lock" $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help demo test coverage check format lock bench screenshots layout texts guide clean

help: ## Show this list
	@echo 'Tunnus, the identity provider of a municipality'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  ARGS="..." hands options on, e.g. make demo ARGS="--help", make test ARGS="-k login -x"'

demo: $(VENV)/.runtime ## Start the provider (localhost:8400), a demo e-service (localhost:8401) and a mail inbox
	@$(VENV)/bin/idp demo $(ARGS)

test: $(VENV)/.dev ## Run every test (JOBS=2 at a time; IDP_TEST_ALL=1: a missing part is a failure)
	@$(PY) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

coverage: $(VENV)/.dev ## Run every test and show the lines of idp/ that none has run: takes a third longer
	@$(PY) -m pytest -n $(JOBS) --dist worksteal --cov --cov-report=term $(ARGS)

check: $(VENV)/.dev ## Check format, lint, types and floors
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/test_floors.py

format: $(VENV)/.dev ## Format the code and mend what the linter can mend
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

bench: $(VENV)/.dev ## Measure the hot paths beside raw bcrypt, raw signing and a bare Flask route
	@$(PY) -m tests.bench $(ARGS)

screenshots: $(VENV)/.dev ## Take the pictures of docs/pictures (ARGS="/tmp/all": every page, wide and narrow, light and dark)
	@$(PY) -m tests.journeys.screenshots $(ARGS)

layout: $(VENV)/.dev ## Take how the main pages look now, for the test that compares it (tests/journeys/layout.json)
	@IDP_TEST_TAKE_LAYOUT=1 $(PY) -m pytest -q -n 0 -k look_as_they_did tests/journeys/test_layout.py

texts: $(VENV)/.dev ## Collect the texts of code and templates into the Finnish and Swedish catalogues
	@mkdir -p build
	@$(PY) -m babel.messages.frontend --quiet extract -F idp/translations/babel.cfg -k lazy -k lazy_gettext \
	  -k lazy_ngettext:1,2 -k lazy_pgettext:1c,2 --no-location --sort-output -o build/messages.pot idp templates
	@for language in fi sv; do \
	  $(PY) -m babel.messages.frontend --quiet update -i build/messages.pot -d idp/translations -l $$language \
	    --no-fuzzy-matching --ignore-pot-creation-date --width 0 || exit 1; \
	  catalogue=idp/translations/$$language/LC_MESSAGES/messages.po; \
	  sed -E '/^"(Report-Msgid|POT-Creation|PO-Revision|Last-Translator|Language-Team|Generated-By)/d' \
	    $$catalogue > build/messages.po && cat build/messages.po > $$catalogue || exit 1; \
	done

guide: $(VENV)/.dev ## Write the login guide as a PDF (your own: ARGS="--config tunnus.toml"); README.md says what it needs
	@$(PY) templates/guide/write.py $(ARGS)

lock: $(VENV)/.dev ## Lock the dependencies anew (ARGS="--upgrade": to their newest versions)
	$(LOCK) --extra redis --group build pyproject.toml -o requirements.lock
	$(LOCK) --extra redis --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## Remove the environment and whatever tools have left behind
	rm -rf $(VENV) build dist .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find idp tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# ---------------------------------------------------------------- the environment

# The stamp is written last: an interrupted set-up starts over. The lock files are whole, so pip resolves nothing
# (--no-deps): otherwise it may choose a release newer than the locked one for a package with extras, and refuse it.
$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { echo 'Python 3.11 or newer is needed (Debian, Ubuntu: apt-get install python3 python3-venv), or name one: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) >/dev/null || { rm -rf $(VENV); echo 'Python has no venv here (Debian, Ubuntu: apt-get install python3-venv).' >&2; exit 1; }
	@touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml $(VENV)/.created
	@echo 'Setting up .venv ...'
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements.lock pyproject.toml $(VENV)/.created
	@echo 'Setting up .venv with the tools for tests and checks ...'
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements-dev.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime
