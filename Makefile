# Two commands: `make up` starts the embedded fleet, `make check` runs every check and test.
# Both install what they need into .venv, and system packages by apt where they are missing and may be installed.

SHELL   := /bin/bash
PYTHON  ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p && break; done)
VENV    := .venv
BIN     := $(VENV)/bin
ARGS    ?=
PROTOS   = $(shell find protos -name '*.proto')
SERVICES = $(shell find protos -name '*_service.proto')
OUT     ?= gen

.PHONY: up demo check format lint types imports proto test gen envoy clean

up: $(VENV)/.runs
	@exec $(BIN)/vimesh up $(ARGS)

demo: $(VENV)/.runs
	@exec $(BIN)/vimesh demo $(ARGS)

check: lint types imports proto test

# --- checks, each by its own name -------------------------------------------------------------------------

lint: $(VENV)/.checks
	$(BIN)/ruff format --check services tests
	$(BIN)/ruff check services tests

types: $(VENV)/.checks
	$(BIN)/mypy

imports: $(VENV)/.checks
	$(BIN)/lint-imports

# buf reads an image that protoc made: the protos of google and buf that ours import come from their wheels.
proto: $(VENV)/.checks .cache/protos
	$(BIN)/buf format --diff --exit-code protos
	$(BIN)/python -m grpc_tools.protoc $(INCLUDES) --include_imports --include_source_info --descriptor_set_out=.cache/vimesh.binpb $(PROTOS)
	$(BIN)/buf lint .cache/vimesh.binpb --config protos/buf.yaml --path vimesh
	$(BIN)/buf breaking .cache/vimesh.binpb --against deploy/released.binpb --config protos/buf.yaml --path vimesh

test: $(VENV)/.checks system-packages
	$(BIN)/pytest $(ARGS)

format: $(VENV)/.checks
	$(BIN)/ruff format services tests
	$(BIN)/ruff check --fix services tests
	$(BIN)/buf format -w protos

# --- generated files, committed ---------------------------------------------------------------------------

INCLUDES = -I protos -I .cache/protos -I $(shell $(BIN)/python -c 'import google.api, pathlib; print(pathlib.Path(list(google.api.__path__)[0]).parents[1])')
