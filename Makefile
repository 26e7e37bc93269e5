# Every target sets up what it needs; a second call installs nothing.
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-container test-flink test-stops test-kubeflow test-metadata test-real-data test-runs lint format lock bench

help:  ## Show the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/installed  ## Make .venv with the locked dependencies.
	@:

.venv/installed: requirements.lock pyproject.toml setup.sh
	@PYTHON="$(PYTHON)" ./setup.sh

demo: setup  ## Run the whole pipeline on built-in sounds (runs/demo).
	@$(BIN)/vggish-tfx demo

test: setup  ## Pass the tests that need nothing but this folder.
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not real_data and not long_runs and not container and not flink and not kubeflow and not metadata_servers and not stopped_runs"

test-flink: setup .cache/flink/fetched  ## Run pipelines on a Flink cluster on this machine (needs Java and Maven).
	@$(BIN)/python -m pytest -m flink tests/flink

.cache/flink/fetched: tests/flink/pom.xml
	@command -v java >/dev/null && command -v mvn >/dev/null \
	  || { echo "make test-flink needs Java 17 or 21 and Maven (apt install openjdk-21-jre-headless maven)." >&2; exit 2; }
	@rm -rf $(@D) && echo "Fetching the jars of Flink and of Beam's Flink runner into $(@D)"
	@mvn --batch-mode --quiet --file tests/flink/pom.xml \
	  org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
	  -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(@D)
	@touch $@

test-kubeflow: setup  ## Run every node of a compiled pipeline as its container would be.
	@$(BIN)/python -m pytest -m kubeflow tests/pipeline

test-stops: setup  ## Stop a run at every node, by Ctrl-C and by a kill, and let it go on.
	@$(BIN)/python -m pytest -m stopped_runs tests/pipeline

test-container: setup  ## Build the image's file tree, weigh it, and run a pipeline in it; as root.
	@$(BIN)/python -m pytest -m container tests/container

test-metadata: setup  ## Pass the tests on database servers; installs MariaDB, so as root.
	@{ command -v mariadbd && command -v my_print_defaults; } >/dev/null \
	  || { apt-get update -qq && apt-get install -qq --no-install-recommends \
	    mariadb-server-core mariadb-client-core; }
	@$(BIN)/python -m pytest -m metadata_servers tests/pipeline

test-real-data: setup  ## Pass the tests on real recordings (see CONTRIBUTING.md).
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m real_data

test-runs: setup  ## Run the configurations, notebooks, tutorial and every kind of model on small data.
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m "long_runs and not real_data"

lint: setup  ## Check style, types, the direction of imports, and for dead code.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/vulture
	@$(BIN)/hadolint Dockerfile

format: setup  ## Put the code into the project's style.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

COMPILE := uv pip compile pyproject.toml --generate-hashes --no-annotate --no-header --quiet
# The image has the versions of requirements.lock, and leaves out what it never imports.
COMPILE_IMAGE := $(COMPILE) --python-version 3.13 --python-platform x86_64-manylinux_2_39 \
  --constraints requirements.lock --excludes deploy/container/left_out.txt

lock: setup  ## Compile requirements.lock, and the image's locks, from pyproject.toml.
	@PATH="$(CURDIR)/.cache/uv/bin:$$PATH" && \
	  $(COMPILE) --python-version 3.12 --group dev --universal --output-file requirements.lock && \
	  $(COMPILE_IMAGE) deploy/container/cpu.in --excludes deploy/container/left_out_of_cpu.txt \
	    --output-file deploy/container/cpu.lock && \
	  $(COMPILE_IMAGE) deploy/container/gpu.in --output-file deploy/container/gpu.lock

bench: setup  ## Measure every node beside its bare work; see benchmarks/ for more (CLIPS=1500 FOLDER=sounds).
	@$(BIN)/python benchmarks/node_costs.py --clips $(or $(CLIPS),1500) $(FOLDER)
