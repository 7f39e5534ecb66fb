# A fresh machine with Python 3.11 to 3.13, pip and make is enough for `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
RUN = $(BIN)/python -m

.PHONY: help demo test test-system lint types check unit page bench clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "soundalike needs Python 3.11 to 3.13; this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/installed ## install into .venv, index the bundled sounds, print a search, serve the page
	$(BIN)/soundalike demo $(DEMO)

test: lint types unit ## everything that CI runs

lint: $(VENV)/installed-dev ## style
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: $(VENV)/installed-dev ## types, strictly
	$(RUN) mypy

unit: $(VENV)/installed-dev ## tests, on all processors
	$(RUN) pytest -n auto --dist worksteal -q

test-system: ## what only a system can give: a browser, Node.js, voices for tests (Debian, as root)
	@if command -v apt-get >/dev/null; then \
	  need=""; \
	  command -v chromium >/dev/null || need="$$need chromium"; \
	  command -v npm >/dev/null || need="$$need nodejs npm"; \
	  for one in espeak-ng flite festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts; do \
	    dpkg -s $$one >/dev/null 2>&1 || need="$$need $$one"; \
	  done; \
	  if [ -n "$$need" ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$need; fi; \
	else echo "make test-system knows Debian's apt-get only; install chromium and Node.js 20 by hand"; exit 1; fi

page: ## build the page's sources into the package (needs Node.js 20)
	cd frontend && npm ci --no-audit --no-fund && npm run build

bench: $(VENV)/installed-dev ## the short form of every benchmark
	for run in benchmarks/*/run.py; do echo "== $$run"; $(BIN)/python $$run --quick || exit 1; done

clean: ## remove what was built and installed
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis frontend/node_modules
