# `make lab` and `make test` set up what they need; see README.md.
.DEFAULT_GOAL := help
.PHONY: help lab setup doctor test check bench soak screens
# a compiled file is read again by the next process of the same run, and by the next run
unexport PYTHONDONTWRITEBYTECODE

ARGS ?=
QUICK = tests/architecture tests/content tests/courses tests/unit
# parts of them, each a process of its own that reads its test files alone
PARTS = check-tests-1/4 check-tests-2/4 check-tests-3/4 check-tests-4/4
CHECKS = check-types check-format check-lint check-course $(PARTS)
.PHONY: $(CHECKS)

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

lab: ## set up what is missing, then run the labs: make lab ARGS="lab-2 --report out.json"
	@python3 bootstrap.py engine -- labrunner run $(ARGS)

setup: ## only set up: the virtual environment, the Docker Engine and the tools
	@python3 bootstrap.py engine

doctor: ## say what this machine has and lacks for the labs; sets nothing up
	@python3 bootstrap.py doctor $(ARGS)

# some tests at a time, those of one file one after the other: they share what is dear to make;
# the quick ones of tests/unit come last, so that the workers end together
test: ## run all tests, those that need root and the Docker Engine included
	@python3 bootstrap.py engine dev -- pytest --dist loadfile --no-loadscope-reorder -n 2 $(ARGS)

# side by side, as they wait now and then; each one's output as a whole, and all of them also after a failure
check: ## format, lint, types, unit and architecture tests, content: no root, no engine
	@python3 bootstrap.py dev -- $(MAKE) --no-print-directory -k -O -j $(words $(CHECKS)) $(CHECKS)

check-types:
	@mypy

check-format:
	@ruff format --check .

check-lint:
	@ruff check .

check-course:
	@labrunner lint labs/acr-images

# each part leaves a folder of what its tests made: those of two whole runs stay
$(PARTS):
	@pytest -q -m "not sandbox and not e2e" -o tmp_path_retention_count=8 --part $(@:check-tests-%=%) $(QUICK)

bench: ## measure against plain bash and other runners, and print the ratios
	@python3 bootstrap.py engine dev bench -- python -m bench.run $(ARGS)

soak: ## disturb real runs with kills, by seed, and print counts: make soak ARGS="--seed 1 --kills 30"
	@python3 bootstrap.py engine dev -- python -m soak.run $(ARGS)

screens: ## make the pictures of the README anew, in docs/screens
	@python3 bootstrap.py engine dev -- python -m tests.e2e.pictures
