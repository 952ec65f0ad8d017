# Matinee's own commands. `make help` lists them.

GOLANGCI_LINT = v2.15.0
DEADCODE      = v0.51.0
FUZZTIME      = 30s

PLAYER  = themes/default/player
BROWSER = cmd/matinee/testdata/browser
LINT    = bin/golangci-lint-$(GOLANGCI_LINT)

.PHONY: help build demo demo-publish player setup test lint deadcode cross fuzz bench clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do \
		printf 'make %-13s %s\n' "$$name" "$$what"; done

build: player ## build bin/matinee
	CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o bin/matinee ./cmd/matinee

demo: build ## build the site of this repository and serve it on this machine
	bin/matinee serve

demo-publish: build ## publish the site to an S3 server on this machine, change it, publish it again and go back
	go run ./internal/aws/s3/s3test/demo $(DEMO)

player: $(PLAYER)/dist/flowplayer.min.js ## fetch the player's files, which the program embeds

$(PLAYER)/dist/flowplayer.min.js: $(PLAYER)/package-lock.json $(PLAYER)/fetch.sh
	sh $(PLAYER)/fetch.sh

setup: player $(BROWSER)/node_modules/.package-lock.json
	sh .ci/setup

$(BROWSER)/node_modules/.package-lock.json: $(BROWSER)/package-lock.json
	cd $(BROWSER) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

# The command is tested by itself: a browser that shares the processors misses its cues.
test: setup ## install what the tests need, as far as possible, and run them
	go vet ./...
	if command -v "$$(go env CC)" >/dev/null; then race=-race; fi; \
	go test $$race -timeout 30m $$(go list ./... | grep -v '^matinee/cmd/'); rest=$$?; \
	go test $$race -timeout 30m ./cmd/... && exit $$rest

lint: $(LINT) ## check style, mistakes and who imports what
	$(LINT) run

$(LINT):
	GOBIN="$(CURDIR)/bin" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	mv bin/golangci-lint $@

deadcode: ## look for functions that nothing calls
	sh .ci/deadcode $(DEADCODE)

cross: ## build for every system we support
	for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "$$os/$$arch" && CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -o /dev/null ./cmd/matinee || exit 1; \
	done; done

fuzz: ## run every fuzz target for FUZZTIME (30s)
	sh .ci/fuzz $(FUZZTIME)

bench: build ## measure, the packager against cp and ffmpeg among others
	go test -run '^$$' -bench . -benchmem -timeout 30m ./...
	go run ./internal/aws/s3/s3test/bench $(PUBLISH)

clean: ## remove what make and matinee made
	rm -rf bin public .matinee
