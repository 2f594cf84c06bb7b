# Everything runs in .venv, which `make install` makes.
BIN = .venv/bin

.PHONY: install test test-slow lint docs golden bench

install:
	python3 -m venv .venv
	$(BIN)/pip install -e '.[dev]'

test:
	$(BIN)/pytest -n auto

test-slow:
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -n auto --run-slow

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check backprop_symbolic
	$(BIN)/mypy

docs:
	$(BIN)/pytest tests/test_docs.py

golden:
	$(BIN)/python -m tests.golden

bench:
	$(BIN)/python -m benchmarks
