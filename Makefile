# `make lab` and `make test` set up what they need; see README.md.
.DEFAULT_GOAL := help
.PHONY: help lab setup test check bench

ARGS ?=

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

lab: ## set up what is missing, then run the labs: make lab ARGS="lab-2 --report out.json"
	@python3 bootstrap.py engine -- labrunner run $(ARGS)

setup: ## only set up: the virtual environment, the Docker Engine and the tools
	@python3 bootstrap.py engine

test: ## run all tests, those that need root and the Docker Engine included
	@python3 bootstrap.py engine dev -- pytest $(ARGS)

check: ## format, lint, types, unit and architecture tests, content: no root, no engine
	@python3 bootstrap.py dev -- sh -ec '\
	  ruff format --check .; ruff check .; mypy; \
	  pytest -q -m "not sandbox and not e2e" tests/unit tests/architecture tests/courses; \
	  labrunner lint labs/acr-images'

bench: ## measure against plain bash and other runners, and print the ratios
	@python3 bootstrap.py engine dev bench -- python -m bench.run $(ARGS)
