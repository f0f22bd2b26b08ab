# Patchbay. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## install what is missing, build, start the lab, give the tour (CONFIGURATION=release: of the optimised build)
	@scripts/run.sh $(or $(CONFIGURATION),debug)

stop: ## remove the lab: processes, namespaces, devices, files
	@scripts/stop.sh

test: ## install what is missing, check the format, build, run every test
	@scripts/test.sh

bench: ## measure; writes bench/results.jsonl (needs a machine where nothing else runs)
	@scripts/bench.sh

build: ## build the programs, release, into .build-release
	@scripts/build.sh release

debug: ## build the programs, debug, into .build
	@scripts/build.sh debug

deb: ## make Debian packages into .build-deb (CONFIGURATION=debug: of the debug build)
	@scripts/deb.sh $(or $(CONFIGURATION),release)

trial: ## install the packages of make deb on fresh machines under systemd: upgrade, backup, restore, purge
	@scripts/trial.sh

protocol: ## write Sources/LeafProtocol anew from proto/leaf.proto
	@scripts/generate-protocol.sh

format: ## format the sources
	@swift format --in-place --parallel --recursive $$(scripts/sources.sh)

clean: ## remove what was built
	@rm -rf .build .build-release .build-deb .build-trial

.PHONY: help run stop test bench build debug deb trial protocol format clean
