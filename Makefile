# `make` alone lists the targets.
GO      ?= go
PEERS   := build/peers
FUZZ    ?= 30s

.PHONY: help build generate test check unit race fuzz e2e bench peers demo clean

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build ./thalamus
	$(GO) build -trimpath -ldflags "-s -w" -o thalamus ./cmd/thalamus

demo: ## a living ward on this machine
	$(GO) run ./cmd/thalamus demo

test: peers check unit race fuzz e2e ## everything that proves it, installing what it needs
	@sh scripts/skipped.sh build/test.log

generate: ## the pages' Go code from their templates, docs/reference from the program, the table of wires
	$(GO) tool -modfile=tools/go.mod templ generate -path internal/web
	$(GO) run ./cmd/thalamus reference docs/reference
	@sh scripts/support.sh

check: ## formatting, vet, and that what is generated is fresh
	@sh scripts/generated.sh
	@test -z "$$(gofmt -l cmd internal profiles client)" || { gofmt -l cmd internal profiles client; echo "run gofmt -w on these files"; exit 1; }
	$(GO) vet ./...
	$(GO) run ./cmd/thalamus reference --check docs/reference
	@sh scripts/support.sh --check

unit: ## all Go tests, real peers and the browser among them
	@mkdir -p build
	@sh scripts/gotest.sh build/test.log -p $$(($$(nproc) + 1)) -- ./internal/web/browser ./... # the browser waits much: it goes beside the others

race: ## the concurrent packages under the race detector
	@mkdir -p build
	@sh scripts/race.sh build/race.log

fuzz: ## every fuzz target: what strangers send for FUZZ (30s), the others for a sixth
	@sh scripts/fuzz.sh $(FUZZ)

e2e: build ## the demo ward, the drill and twenty kills with the real binary
	./thalamus demo --for 30s --json --clean --check
	./thalamus drill
	./thalamus torture --kills 20 --json

bench: build ## all measurements, shortly, into build/bench.json (docs/performance.md)
	@mkdir -p build
	./thalamus bench all --for 3s --messages 100000 --out build/bench.json

peers: ## install the real peers the tests talk to, where that is allowed
	@sh scripts/peers.sh $(PEERS)

clean: ## remove what was built
	rm -rf thalamus build thalamus-demo
