# A thin front: tools/build builds, tools/check checks.  `make help` lists the targets.

ifeq ($(origin CC),default)
CC := gcc
endif

.PHONY: python all check crash-matrix bench quickstart format clean help
.DEFAULT_GOAL := all

# What runs the scripts below; the installer says what to do where it is missing.
python:
	@command -v python3 >/dev/null || tools/install-dependencies

all: python ## Build the operator, build/release/src/database-user-operator (CC=clang: build/release-clang)
	@tools/build --compiler "$(CC)" release

check: python ## Run every check and every test (one alone: tools/check --step NAME)
	@tools/check

crash-matrix: python ## Interrupt the operator at every call that it makes, on every engine (minutes)
	@tests/crash/run

bench: python ## Measure against the budgets of the design (minutes)
	@bench/run

quickstart: ## From nothing to a Database that is Ready, on this machine
	@dev/quickstart

format: ## Lay the C sources out as .clang-format says
	@find $(wildcard src tests bench) -name '*.[ch]' -exec clang-format -i {} +

clean: ## Remove everything that was built here
	@rm -rf build

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
