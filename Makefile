# make demo   sets everything up and runs the main job on the sample letters
# make test   sets everything up and runs the tests
# make eval   holds the offline extractor and the search against the committed baselines
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
STAMP := $(VENV)/.installed

.PHONY: install demo test check lint types imports eval eval-baselines test-model browser-tools test-browser lock clean

install: $(STAMP)

$(STAMP): $(LOCK) pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

demo: install
	$(BIN)/imr-llm demo

test: install
	$(BIN)/python -m pytest

check: lint types imports test

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy src/imr_llm
	$(BIN)/mypy app
	$(BIN)/mypy evals/*.py

imports: install
	$(BIN)/lint-imports

# The gate: fails where a figure fell below its interval in evals/baselines
eval: install
	$(BIN)/imr-llm eval gate

# The baselines anew, from a clean tree; commit them by themselves
eval-baselines: install
	$(BIN)/imr-llm eval gate --write

# The page in a browser: Debian's Chromium (or IMR_CHROMIUM), accessibility by axe-core; what is missing is skipped, and said
test-browser: install browser-tools
	$(BIN)/python -m pytest -m browser tests/browser

browser-tools:
	@if ! command -v chromium >/dev/null && [ -z "$$IMR_CHROMIUM" ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-liberation || \
	  echo "chromium could not be installed: the browser tests will be skipped" >&2; fi
	@if command -v npm >/dev/null; then npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --silent || \
	  echo "axe-core could not be installed: its tests will be skipped" >&2; \
	  else echo "no npm: axe-core's tests will be skipped" >&2; fi

# A real model over HTTP: IMR_TEST_BASE_URL=http://127.0.0.1:8081/v1 (and IMR_TEST_MODEL), or IMR_TEST_GGUF=model.gguf
test-model: install
	$(BIN)/python -m pytest -m model --timeout=3600

# Upgrade deliberately: writes the lock anew from pyproject.toml (names, versions and hashes only)
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet "pip-tools>=7.5"
	$(VENV)-lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
	  --no-emit-find-links --no-emit-trusted-host --extra page --extra parquet --extra local --extra eval --extra dev --all-build-deps \
	  --output-file $(LOCK) pyproject.toml
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) build dist *.egg-info imr-demo-library
