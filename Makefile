# Meseta needs Go and make. Everything else that a target uses is pinned in go.mod and built by it.

GO ?= go
PACKAGES = ./...

.DEFAULT_GOAL := help
.PHONY: help build demo test check format vet staticcheck generated tidy parity race fuzz sweep sim chaos bench vm generate install consul clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the one binary into bin/meseta
	$(GO) build -trimpath -o bin/meseta ./cmd/meseta

demo: build ## run a small framework on a local cluster of real processes
	@bin/meseta demo

test: bin/consul ## run every test
	$(GO) test -timeout 15m $(PACKAGES)

check: format vet staticcheck generated tidy parity race ## what a change must pass: style, rules, and the tests under the race detector

format: ## fail if a file is not formatted
	@files=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$files" ] || { echo "not formatted (gofmt -w): $$files"; exit 1; }

vet: ## go vet
	$(GO) vet $(PACKAGES)

# Without SA1019: the deprecated fields and calls of the v1 API are the ones that old clients still send.
# Without ST1005: some sentences are Mesos' own, capital included, and clients look for them.
staticcheck: ## staticcheck, at the version of go.mod
	$(GO) tool staticcheck -checks inherit,-SA1019,-ST1005 $(PACKAGES)

generated: ## fail if generated code is not current
	$(GO) run ./tools/protogen -check
	$(GO) run ./tools/flagdoc -check

tidy: ## the rules of the house: imports, rooms, actors, package docs
	$(GO) run ./tools/tidy

parity: ## count what tests of ours show of Mesos' named cases
	$(GO) run ./tools/parity

race: bin/consul ## every test under the race detector
	$(GO) test -race -timeout 40m $(PACKAGES)

fuzz: ## fuzz every decoder for 20 s each
	$(GO) run ./tools/fuzz -time 20s

sweep: ## simulate clusters in bad weather: SEEDS=n of them (5000, as CI does), or SEEDS=from-to
	MESETA_SWEEP=$(or $(SEEDS),5000) $(GO) test -count=1 -run '^TestSweep$$' -timeout 2h ./testkit/sweep

sim: ## simulate new clusters for HOURS=n hours (1): a line a minute, and each seed that fails with the command that replays it
	MESETA_SWEEP_HOURS=$(or $(HOURS),1) $(GO) test -count=1 -run '^TestSweep$$' -timeout 0 -v ./testkit/sweep

chaos: build bin/consul ## hurt a cluster of real processes for TIME=10m, at random from SEED=n
	$(GO) build -trimpath -o bin/chaos ./tools/chaos
	bin/chaos -time=$(or $(TIME),10m) $(if $(SEED),-seed=$(SEED))

bench: ## measure every budget and print the table of docs/benchmarks.md
	$(GO) run ./tools/bench

vm: ## run the tests of PKG="./a ./b" (those of tools/vm/packages) matching RUN in a virtual machine with cgroup v2
	$(GO) run ./tools/vm $(if $(RUN),-run '$(RUN)') $(PKG)

generate: ## generate Go from the .proto files, and help texts from the comments of flags
	$(GO) run ./tools/protogen
	$(GO) run ./tools/flagdoc

consul: bin/consul ## build the Consul server that tests start, into bin/consul (minutes, once)

# Its dependencies stay out of ours: a module of its own. The build cache makes the next checkout's take seconds.
bin/consul: tools/consul/go.mod tools/consul/go.sum
	cd tools/consul && $(GO) build -trimpath -ldflags '-s -w' -o ../../bin/consul github.com/hashicorp/consul

install: build ## install bin/meseta and its mesos-* links into PREFIX (default /usr/local)
	install -d $(or $(PREFIX),/usr/local)/bin
	install bin/meseta $(or $(PREFIX),/usr/local)/bin/meseta
	for n in master agent local execute executor; do ln -sf meseta $(or $(PREFIX),/usr/local)/bin/mesos-$$n; done

clean: ## remove what was built
	rm -rf bin
