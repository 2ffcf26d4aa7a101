# The two commands of the README: `make demo` and `make test`. Both set everything up by themselves.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-long lint bench chaos lock clean

# What was compiled once is not compiled anew by each of hundreds of processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE

demo: .venv/installed
	$(BIN)/crossdock demo --exit

# Three for two cores: a third of the time is waiting for processes and vendors.
test: .venv/installed-dev
	$(BIN)/python -m pytest -n $(or $(JOBS),3) --dist loadfile $(ARGS)

# The property tests alone, each with many drawn examples: ten thousand orders instead of a few hundred, which may take
# minutes each on a busy machine.
test-long: .venv/installed-dev
	TEST_LONG=1 $(BIN)/python -m pytest -n $(or $(JOBS),3) --dist load -m hypothesis --timeout 900 $(ARGS)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# All of them, or those named: `make bench ARGS=intake`.
bench: .venv/installed-bench
	$(BIN)/python -m benchmarks $(or $(ARGS),all)

# Kills processes at random while vendors fail: `make chaos ARGS="--seeds 1"`, or `ARGS="--outage 60"` to stop Redis.
chaos: .venv/installed-dev
	$(BIN)/python -m tests.chaos $(ARGS)

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Crossdock needs Python 3.11 or newer; say which: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

.venv/installed: .venv/made requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

.venv/installed-bench: .venv/installed requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	touch $@

# Pins everything anew from pyproject.toml; needs pip-tools. What the tests need is chosen first: all must agree.
lock:
	pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --no-emit-options --extra build --extra dev \
		-o requirements-dev.txt pyproject.toml
	pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --no-emit-options --extra build -c requirements-dev.txt \
		-o requirements.txt pyproject.toml
	pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links \
		--no-emit-trusted-host --no-emit-options --extra build --extra bench -c requirements.txt \
		-o requirements-bench.txt pyproject.toml

clean:
	rm -rf .venv build *.egg-info
