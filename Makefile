# The verbs that people expect. CMake does the work (CMakePresets.json); everything lands under build/.
PREFIX ?= /usr/local
BUILD = cmake --preset $(1) >build/$(1).log 2>&1 || { cat build/$(1).log; exit 1; }; cmake --build --preset $(1) $(2)
PRODUCT = --target decant_cli decant_shared decant_static
FUZZ_SECONDS ?= 60
SOURCES = $$(git ls-files '*.c' '*.h')

.DEFAULT_GOAL := build
.PHONY: build test demo bench install asan tsan clang fuzz docs format lint clean help setup setup-clang

build: setup ## build the library and the program: build/release/decant
	@$(call BUILD,release,$(PRODUCT))

test: setup ## build and run every test
	@$(call BUILD,release)
	ctest --preset release

demo: build ## train a teacher and a distilled student on Fashion-MNIST; ends in a table
	build/release/decant run recipes/quickstart.yaml

bench: build ## measure decant beside PyTorch (ROWS="lightnn deepnn" for some); tables in build/bench
	python3 bench/compare.py $(ROWS)

install: build ## install under PREFIX (/usr/local); DESTDIR is honoured
	cmake --install build/release --prefix $(PREFIX)

asan: setup ## build with the address and undefined-behaviour sanitizers, run every test
	@$(call BUILD,asan)
	ctest --preset asan

tsan: setup-clang ## build with the thread sanitizer, run the tests with threads in them
	@$(call BUILD,tsan)
	ctest --preset tsan

clang: setup-clang ## build with clang, run every test
	@$(call BUILD,clang)
	ctest --preset clang

fuzz: setup-clang ## run each fuzzer for FUZZ_SECONDS (60)
	@$(call BUILD,fuzz)
	tests/fuzz/run.sh build/fuzz/tests/fuzz $(FUZZ_SECONDS)

docs: build ## write docs/recipes.md from the recipe schema
	build/release/decant lint --schema-docs >build/recipes.md && mv build/recipes.md docs/recipes.md

format: setup-clang ## let clang-format lay out every file
	clang-format -i $(SOURCES)

lint: setup-clang ## check the layout, and run clang-tidy over src and cli
	clang-format --dry-run -Werror $(SOURCES)
	@$(call BUILD,clang)
	run-clang-tidy -quiet -p build/clang '$(CURDIR)/(src|cli)/.*\.c$$'

clean: ## remove everything that was built
	rm -rf build

help: ## say this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

setup:
	@tools/setup.sh && mkdir -p build

setup-clang:
	@tools/setup.sh clang && mkdir -p build
