# The few commands that a person or CI types. One cargo at a time: two would wait for each other's lock.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

CARGO ?= cargo
# A clean clone builds exactly what was committed. LOCKED= lets cargo update Cargo.lock.
LOCKED ?= --locked
# Arguments of `dogwatch demo`, as in: make demo DEMO_ARGS="--once --case ID"
DEMO_ARGS ?=
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help demo test check fmt build bench deny install-deps

help: ## Show these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: ## Playground, service, a real alert and its report: no key, no cluster
	@scripts/install-deps.sh demo
	@echo "building dogwatch (the first time takes about two minutes)" >&2
	@$(CARGO) build $(LOCKED) --package dogwatch
	@$(TARGET_DIR)/debug/dogwatch demo $(DEMO_ARGS)

test: ## Everything that CI checks; ends with the test runner's summary
	@scripts/install-deps.sh test
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	$(CARGO) xtask tidy
	@$(MAKE) --no-print-directory deny
	@scripts/run-tests.sh $(LOCKED)

check: ## The same without installing anything and without the dependency rules
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	$(CARGO) xtask tidy
	@scripts/run-tests.sh $(LOCKED)

fmt: ## Format the sources
	$(CARGO) fmt --all

build: ## Build the release binary
	$(CARGO) build $(LOCKED) --release --package dogwatch
	@ls -l $(TARGET_DIR)/release/dogwatch

bench: ## Run the benchmarks (ignored tests whose name starts with bench_)
	$(CARGO) test $(LOCKED) --release --workspace -- --ignored --nocapture --test-threads 1 bench_

deny: ## Check licences, sources and who may depend on what
	$(CARGO) deny check -A unused-wrapper bans licenses sources

install-deps: ## Install what demo and test need and this machine lacks
	@scripts/install-deps.sh test
