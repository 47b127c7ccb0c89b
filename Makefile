# The commands of this project. Build output lives outside the clone, so that a second clone
# builds incrementally; override CARGO_TARGET_DIR to put it elsewhere.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/pulse
export CARGO_TARGET_DIR ?= $(CACHE)/target
export npm_config_cache ?= $(CACHE)/npm
export npm_config_fund = false
export npm_config_audit = false
export npm_config_update_notifier = false

TARGET := $(CARGO_TARGET_DIR)
LOCAL_AGENT ?= 1
PULSE_DATA_DIR ?= ./data
FRONTEND_PORT ?= 7655

.PHONY: run demo dev build ui server agent test lint unit browser deps bench fuzz clean help

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## Build everything and watch this machine on http://localhost:7655
	@LOCAL_AGENT=$(LOCAL_AGENT) PULSE_DATA_DIR=$(PULSE_DATA_DIR) FRONTEND_PORT=$(FRONTEND_PORT) scripts/run.sh

demo: build ## The same with a simulated datacenter
	@LOCAL_AGENT=$(LOCAL_AGENT) PULSE_DATA_DIR=$(PULSE_DATA_DIR) FRONTEND_PORT=$(FRONTEND_PORT) scripts/run.sh --demo

build: ui server agent

ui: web/node_modules/.package-lock.json ## Build the web UI
	cd web && npm run --silent build

server:
	cargo build --release --locked -p pulse-server

agent:
	cargo build --profile agent --locked -p pulse-agent

web/node_modules/.package-lock.json: web/package-lock.json web/package.json
	cd web && npm ci --prefer-offline --loglevel=error
	@touch $@

dev: web/node_modules/.package-lock.json ## Server with demo data, UI with reload on http://localhost:5173
	cargo build --locked -p pulse-server
	@PULSE_DATA_DIR=$(PULSE_DATA_DIR) FRONTEND_PORT=$(FRONTEND_PORT) $(TARGET)/debug/pulse --demo & \
	trap 'kill %1 2>/dev/null' EXIT INT TERM; cd web && npm run dev

test: deps lint unit browser ## Format, lint, unit, property, API, agent and browser tests

deps:
	@scripts/deps.sh

lint: web/node_modules/.package-lock.json
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cd web && npm run --silent check:types && npm run --silent check:lint

# The UI is built first: the server embeds it, and its tests ask for pages.
unit: web/node_modules/.package-lock.json ui
	cargo test --workspace --all-features --locked
	cd web && npm run --silent test

# The same selection as the tests, so that nothing is built twice.
browser: ui
	cargo build --workspace --all-features --bins --locked
	cd web && PULSE_BIN=$(TARGET)/debug npm run --silent test:browser

bench: build ## Measure speed and size; results go to bench/results
	cargo build --release --locked -p pulse-sim
	bench/run.sh

fuzz: ## Run each fuzz target for a minute (needs nightly and cargo-fuzz)
	scripts/fuzz.sh

clean: ## Remove build output and the data of the checkout
	rm -rf web/dist web/node_modules data
	cargo clean
