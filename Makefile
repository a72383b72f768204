# `make lab` and `make test` set up what they need; see README.md.
.DEFAULT_GOAL := help
.PHONY: help lab setup test check bench soak

ARGS ?=
QUICK = -q -m "not sandbox and not e2e"
APART = tests/architecture tests/unit/content tests/unit/checks

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

lab: ## set up what is missing, then run the labs: make lab ARGS="lab-2 --report out.json"
	@python3 bootstrap.py engine -- labrunner run $(ARGS)

setup: ## only set up: the virtual environment, the Docker Engine and the tools
	@python3 bootstrap.py engine

test: ## run all tests, those that need root and the Docker Engine included
	@python3 bootstrap.py engine dev -- pytest $(ARGS)

# two at a time: what the one beside says comes when both have ended
check: ## format, lint, types, unit and architecture tests, content: no root, no engine
	@python3 bootstrap.py dev -- sh -ec '\
	  ruff format --check .; ruff check .; labrunner lint labs/acr-images; \
	  said=$$(mktemp); failed=0; \
	  pytest $(QUICK) $(APART) >$$said 2>&1 & beside=$$!; \
	  trap "kill $$beside; rm -f $$said" EXIT; trap "exit 130" INT TERM; \
	  { mypy && pytest $(QUICK) $(APART:%=--ignore=%) tests/unit tests/courses; } || failed=1; \
	  wait $$beside || failed=1; \
	  trap - EXIT; cat $$said; rm -f $$said; exit $$failed'

bench: ## measure against plain bash and other runners, and print the ratios
	@python3 bootstrap.py engine dev bench -- python -m bench.run $(ARGS)

soak: ## disturb real runs with kills, by seed, and print counts: make soak ARGS="--seed 1 --kills 30"
	@python3 bootstrap.py engine dev -- python -m soak.run $(ARGS)
