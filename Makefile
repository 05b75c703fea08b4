# Everything lands in a local virtual environment; nothing else on the machine is touched.
PYTHON ?= python3
VENV   ?= .venv
DIST   ?= dist
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Compiled modules are kept, whatever the environment of a container says: the tests start hundreds of processes,
# and each would compile all modules of the project again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install extras wheel demo test slow check chaos thorough bench boards pictures readme-pictures docs messages compose-test up down reload tools doctor backup restore schemas lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/runtime: requirements.lock pyproject.toml
	@echo "Setting up $(VENV) from requirements.lock (once, about a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Wachtpost needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/runtime
	@echo "Adding the test tools from requirements-dev.lock ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# What Grafana makes of the boards is asked of its own packages; where there is no Node those tests skip.
PANELS ?= $(VENV)/panels/node_modules/.package-lock.json

$(VENV)/panels/node_modules/.package-lock.json: tests/deploy/grafana/panels/package-lock.json
	@if command -v npm >/dev/null; then \
	    echo "Adding Grafana's own packages from package-lock.json (without: PANELS=) ..."; \
	    mkdir -p $(VENV)/panels && cp $(<D)/package.json $< $(VENV)/panels && \
	    npm ci --prefix $(VENV)/panels --omit=peer --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@; \
	fi

install: $(VENV)/runtime  ## install everything into .venv, and say how to call it
	@$(BIN)/wachtpost --version
	@echo 'In this shell, or at the end of ~/.profile:  export PATH="$(abspath $(BIN)):$$PATH"'
	@echo 'Then: wachtpost -h, wachtpost demo, wachtpost init'

extras: $(VENV)/runtime  ## what not everybody needs, from its lock (EXTRAS="pdf parquet apprise")
	@for extra in $(or $(EXTRAS),""); do \
	    test -f "requirements-$$extra.lock" && [ "$$extra" != dev ] || \
	        { echo 'Say which: make extras EXTRAS="apprise parquet pdf"'; exit 2; }; \
	done
	@$(PIP) install --no-deps --require-hashes $(EXTRAS:%=-r requirements-%.lock)

wheel: $(VENV)/runtime  ## dist/wachtpost-….whl, which runs by itself (docs/running.md)
	@mkdir -p $(DIST) && rm -f $(DIST)/wachtpost-*.whl
	@$(PIP) wheel --no-build-isolation --no-deps --wheel-dir $(DIST) .
	@sed -n 's/^\([a-z0-9-]*==[^\\]*\) \\$$/\1/p' requirements.lock > $(DIST)/constraints.txt
	@ls $(DIST)/wachtpost-*.whl

demo: $(VENV)/runtime  ## see it work: a busy day at the desk, live in this terminal (ARGS="--for 30s")
	@$(BIN)/wachtpost demo $(ARGS)

test: $(VENV)/dev $(PANELS)  ## the fast tests, on a real Redis (if installed) and embedded Valkey
	@$(BIN)/python -m pytest -m "not chaos and not slow and not second_server and not compose" -n 3 --dist loadfile $(ARGS)

slow: $(VENV)/dev $(PANELS)  ## tests that take longer: a year of events, boards in a real Prometheus, the demo to its end
	@$(BIN)/python -m pytest -m "(slow or second_server) and not chaos" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/dev  ## format, lint, types, architecture, city file, boards, pages
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/wachtpost config check examples/lier/city.toml
	@$(BIN)/wachtpost boards build $(EXAMPLE_BOARDS) --check
	@$(MAKE) --no-print-directory docs

chaos: $(VENV)/dev  ## faults at random on the whole product, one oracle (ARGS="--hours 1", "--seed 7"; else 10 minutes)
	@$(BIN)/python -m tests.chaos $(ARGS)

thorough: $(VENV)/dev  ## properties on all their examples; kills with the figures held against the oracle each time
	@WACHTPOST_THOROUGH=1 $(BIN)/python -m pytest -m "chaos or hypothesis" -n 2 --dist loadfile $(ARGS)

bench: $(VENV)/dev  ## throughput, latency and memory, side by side in one run
	@$(BIN)/python -m tests.bench $(ARGS)

EXAMPLE_BOARDS := --city examples/lier/city.toml --out deploy/grafana/boards

boards: $(VENV)/dev  ## write the example's Grafana boards anew (a city's own: wachtpost boards build)
	@$(BIN)/wachtpost boards build $(EXAMPLE_BOARDS)

pictures: $(VENV)/dev  ## pictures of a Grafana's boards, and what cannot be read (GRAFANA=http://…; ARGS="--password-file FILE")
	@$(BIN)/python -m tests.pictures $(GRAFANA) $(ARGS)

readme-pictures: $(VENV)/dev  ## the README's pictures anew, of the product as it runs on a simulated day (with Chromium)
	@$(BIN)/python -m tests.pictures.product $(ARGS)

docs: $(VENV)/dev  ## the pages as a site in site/, strictly: no link leads nowhere
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

messages: $(VENV)/runtime  ## collect the messages of the code into shared/locales (LANGUAGE=it adds that language)
	@$(BIN)/pybabel -q extract -o $(VENV)/messages.pot
	@for language in $(sort $(notdir $(basename $(wildcard shared/locales/*.po))) $(LANGUAGE)); do \
	    $(BIN)/pybabel -q update -i $(VENV)/messages.pot -o shared/locales/$$language.po -l $$language || exit 1; \
	done

first-hour: $(VENV)/dev  ## the README's own commands on a bare Debian 12: own figures, and a true mail (needs root)
	@$(BIN)/python -m tests.first_hour

compose-test: $(VENV)/dev  ## build the image, run docker-compose.yml, kill, back up, restore (needs Docker)
	@WACHTPOST_COMPOSE_RIG=1 $(BIN)/python -m pytest -m compose tests/compose $(ARGS)

# By the release that is about to run: what is wrong goes no further than here.
CHECKED := docker compose run --rm --no-deps tools config check /etc/wachtpost/city.toml
# As the city file has them; whoever calls owns what is written.
BOARDS := docker compose run --rm --no-deps --user "$$(id -u):$$(id -g)" tools boards build --out /boards

up:  ## deploy with docker compose: what is missing is made, then wait until all is healthy
	@sh deploy/prepare.sh
	docker compose build
	@$(CHECKED)
	@$(BOARDS)
	docker compose up -d --wait

down:  ## stop the deployment; its data stays
	docker compose --profile ha down

reload:  ## have a deployment take over a changed city file; one with mistakes goes no further than here
	@$(CHECKED)
	@$(BOARDS)
	docker compose --profile ha kill -s HUP $$(docker compose --profile ha ps --services --status running | grep -E '^(ingest|evaluator|notifier|reporter)')

tools:  ## a command beside a deployment (ARGS="history log")
	@docker compose run --rm tools $(ARGS)

doctor:  ## whether a deployment can do what it is there for, line by line
	@docker compose run --rm doctor

backup:  ## copy what a deployment remembers into backups/
	@sh deploy/backup.sh $(ARGS)

restore:  ## put a backup back (FILE=backups/…; FORCE=--force over what is there)
	@sh deploy/restore.sh $(FILE) $(FORCE)

schemas: $(VENV)/dev  ## write the JSON Schemas of the wire contract anew, and the page of the KPIs
	@$(BIN)/python -m tests.shared.contract.evolution
	@$(BIN)/python -m tests.docs.kpi_page

lock:  ## pin all dependencies anew, with hashes (needs uv)
	uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --group build -o requirements.lock
	uv pip compile -q pyproject.toml --python-platform linux --python-version 3.13 --generate-hashes --no-header --no-emit-index-url --no-annotate --extra apprise --extra pdf --group build -o deploy/requirements.lock
	uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --extra apprise --extra parquet --extra pdf --group build --group dev -o requirements-dev.lock
	for extra in apprise parquet pdf; do \
	    uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate \
	        --extra $$extra --constraint requirements-dev.lock -o requirements-$$extra.lock \
	        $$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements.lock) || exit 1; \
	done

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
