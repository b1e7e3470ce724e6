# Two commands do all their own set-up: `make demo` and `make test`. They need Python 3.11 or newer (what they pin does), pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The first pip that installs dependency groups.
GROUPS_PIP := 'pip>=25.1'
SOURCES := $(shell find twinkle_notifier integrations -type f -not -name '*.pyc') _twinkle_notifier_lightning.py README.md

export HF_HUB_OFFLINE = 1
export PYTHONDONTWRITEBYTECODE =
export TOKENIZERS_PARALLELISM = false

.PHONY: help demo test docs browser golden pictures core matrix stress reliability bench trainers lint clean
.PHONY: test-loaded test-others lint-form lint-mypy lint-pyright

help: ## Show these targets.
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

demo: $(VENV)/installed ## A real crash and a real end, told to a local robot.
	$(BIN)/python examples/demo.py

# First what needs a quiet machine, then six tests at a time: they wait about as much as they compute. A worker takes ten
# seconds to load the frameworks, so only two do. What the two groups say is shown when they are over.
# Not `python -m pytest`: that would import the checkout, which has no integrations in it.
ALONE := $(shell grep --recursive --files-with-matches --include='test_*.py' 'mark\.alone' tests)
LOADED := tests/integrations tests/attach/test_lightning.py tests/attach/test_transformers.py tests/exceptions/test_collateral.py tests/exceptions/test_remote_processes.py tests/test_docs.py
BESIDE := --dist=worksteal -m "not alone and not stress"

test: $(VENV)/installed ## The tests, against the installed wheel.
	@$(BIN)/pytest -m "alone and not stress" $(ALONE); alone=$$?; \
		$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-loaded test-others && exit $$alone

test-loaded: $(VENV)/installed
	$(BIN)/pytest --numprocesses=2 $(BESIDE) $(LOADED)

test-others: $(VENV)/installed
	$(BIN)/pytest --numprocesses=4 $(BESIDE) $(LOADED:%=--ignore=%)

export NO_MKDOCS_2_WARNING = 1

docs: $(VENV)/installed ## The site in both languages, into site/; a broken link is an error. Nothing is downloaded.
	$(BIN)/mkdocs build

CHROMIUM_PACKAGES := chromium fonts-noto-cjk fonts-noto-color-emoji

browser: $(VENV)/browser ## The inbox's page in a real Chromium; as root on Debian it installs one where none is.
	BROWSER_NEEDED=1 $(BIN)/pytest --numprocesses=2 -m browser tests/inbox

golden: $(VENV)/installed ## The messages of tests/golden/, and the generated pages; GOLDEN=write writes them anew, for `git diff` to show what changes.
	$(BIN)/pytest tests/test_golden.py tests/test_golden_rules.py tests/diagnosis/test_page.py tests/test_settings_page.py

pictures: $(VENV)/browser ## docs/pictures, by the inbox's page, of the golden messages.
	PYTHONPATH=tests:tests/helpers $(BIN)/python tests/pictures

CASES ?=
TIMES ?=

# CASES=deaths is the table of docs/run.md alone, CASES=ranks that of docs/ranks.md; TIMES=3 is over sooner.
stress: $(VENV)/installed ## What `make test` leaves out, and each case of "exactly once" 20 times: hours. Prints the tables of docs/ranks.md and docs/run.md.
	$(if $(CASES),,$(BIN)/pytest -m stress)
	$(BIN)/python tests/stress $(CASES:%=--cases %) $(TIMES:%=--times %)

CHANNEL ?= dingtalk

# CHANNEL=feishu, wecom, slack, bark or telegram is the same for another service.
reliability: $(VENV)/installed ## Each fault of network, robot and process once. Prints the table of docs/reliability.md.
	CHANNEL=$(CHANNEL) $(BIN)/python tests/reliability

BENCH := .venv-bench
POINTS ?=

bench: $(VENV)/installed $(BENCH)/installed ## Beside what people use today: half an hour. Prints the tables of docs/performance.md.
	$(BIN)/python benchmarks --peers $(BENCH)/bin/python $(POINTS)

TRAINERS ?= $(basename $(notdir $(wildcard tests/trainers/requirements/*.txt)))
TRAINERS_VENV := .venv-trainers
export TRAINERS_TABLE := $(abspath $(TRAINERS_VENV)/table.jsonl)

# TRAINERS="trl swift" is those alone. One after another, as each starts several processes: an hour.
trainers: $(VENV)/installed ## Programs of others, each in an environment of its own. Prints the table of docs/trainers.md.
	@mkdir -p $(TRAINERS_VENV) && rm -f $(TRAINERS_TABLE)
	@failed=0; for name in $(TRAINERS); do \
		$(MAKE) --no-print-directory $(TRAINERS_VENV)/$$name/installed && \
		TRAINERS_PYTHON=$(abspath $(TRAINERS_VENV))/$$name/bin/python $(BIN)/pytest tests/trainers/test_$$name.py || failed=1; \
	done; $(BIN)/python tests/trainers $(TRAINERS_TABLE); exit $$failed

# What pip would not install together, a line "# no-deps: PACKAGE==VERSION" names: it wants CUDA, or an older torch.
$(TRAINERS_VENV)/%/installed: tests/trainers/requirements/%.txt $(SOURCES)
	$(PYTHON) -m venv $(TRAINERS_VENV)/$*
	$(TRAINERS_VENV)/$*/bin/python -m pip --disable-pip-version-check --quiet install 'torch==2.13.0'
	$(TRAINERS_VENV)/$*/bin/python -m pip --disable-pip-version-check --quiet install --requirement $<
	sed -n 's/^# no-deps: //p' $< | xargs --no-run-if-empty \
		$(TRAINERS_VENV)/$*/bin/python -m pip --disable-pip-version-check --quiet install --no-deps
	$(TRAINERS_VENV)/$*/bin/python -m pip --disable-pip-version-check --quiet install .
	rm -rf build *.egg-info
	touch $@

# Those that are there, of a system or of pyenv; a shim of pyenv may be there and lead nowhere.
PYTHONS ?= $(foreach version,3.10 3.11 3.12 3.13 3.14,$(shell \
	for python in python$(version) $$HOME/.pyenv/versions/$(version).*/bin/python; do \
		$$python -c "import ensurepip" 2>/dev/null && echo $$python && break; done))
FRAMEWORKS := tests/integrations tests/claims/stores/test_ray.py tests/exceptions/test_remote_processes.py tests/test_docs.py tests/test_package.py tests/test_ranks.py tests/test_site.py

CORE := pytest tests $(FRAMEWORKS:%=--ignore=%)

# The second time without what Windows and macOS lack, and without the tests that are about it: see tests/helpers/bare.py.
core: ## The core's tests, without any framework, on every Python from 3.10 to 3.14 that there is, as they are and bare.
	@for python in $(PYTHONS); do \
		venv=$(VENV)-$$($$python -c "import sys; print('%d.%d' % sys.version_info[:2])"); \
		$$python -m venv $$venv && $$venv/bin/python --version && \
		$$venv/bin/python -m pip --disable-pip-version-check --quiet install $(GROUPS_PIP) && \
		$$venv/bin/python -m pip --disable-pip-version-check --quiet install --upgrade --group core . && \
		rm -rf build *.egg-info && \
		$$venv/bin/$(CORE) -m "alone and not stress" && \
		$$venv/bin/$(CORE) -m "not alone and not stress" --numprocesses=6 && \
		TWINKLE_TEST_MACHINE=bare $$venv/bin/$(CORE) -m "alone and not (stress or linux)" && \
		TWINKLE_TEST_MACHINE=bare $$venv/bin/$(CORE) -m "not (alone or stress or linux)" --numprocesses=6 || exit 1; \
	done

MATRIX := lowest newest
TESTS ?=

# TESTS='-m "not alone and not stress"' leaves out what `make test` does.
matrix: $(MATRIX:%=.venv-matrix/%/installed) ## The adapters' tests against the oldest and the newest trainers. Prints the table of docs/trainers.md.
	$(BIN)/python tests/matrix $(TESTS)

.venv-matrix/%/dependencies: tests/matrix/%.txt pyproject.toml
	$(PYTHON) -m venv .venv-matrix/$*
	.venv-matrix/$*/bin/python -m pip --disable-pip-version-check --quiet install $(GROUPS_PIP)
	.venv-matrix/$*/bin/python -m pip --disable-pip-version-check --quiet install 'torch==2.13.0'
	.venv-matrix/$*/bin/python -m pip --disable-pip-version-check --quiet install --group adapters '.[accelerate,lightning,transformers]' \
		pytorch-lightning --requirement tests/matrix/$*.txt 'torch==2.13.0'
	touch $@

.venv-matrix/%/installed: .venv-matrix/%/dependencies $(VENV)/installed
	.venv-matrix/$*/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --force-reinstall .
	rm -rf build *.egg-info
	touch $@

lint: lint-form lint-mypy lint-pyright ## Formatting, lints, types, and which room may import which.

lint-form: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	cd tests && ../$(BIN)/lint-imports ../pyproject.toml --no-cache

lint-mypy: $(VENV)/installed
	cd tests && ../$(BIN)/mypy --config-file ../pyproject.toml  # the installed copy: a checkout has no integrations in it
	cd tests && ../$(BIN)/mypy --config-file ../pyproject.toml typing/api.py ../_twinkle_notifier_lightning.py

lint-pyright: $(VENV)/installed
	cd tests/typing && ../../$(BIN)/basedpyright --pythonpath ../../$(BIN)/python \
		"$$(../../$(BIN)/python -c 'import twinkle_notifier; print(*twinkle_notifier.__path__)')"

clean: ## Remove what the other targets made.
	rm -rf $(VENV) $(VENV)-3.* .venv-matrix $(BENCH) $(TRAINERS_VENV) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache

# torch first: whatever asked for it later would choose another build.
$(VENV)/dependencies: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install $(GROUPS_PIP)
	$(PIP) install 'torch==2.13.0'
	$(PIP) install --constraint constraints.txt --group test --group lint --group docs '.[all]'
	touch $@

# The wheel is what is tested, not the checkout.
$(VENV)/installed: $(VENV)/dependencies $(SOURCES)
	$(PIP) install --no-deps --force-reinstall .
	rm -rf build *.egg-info
	touch $@

$(VENV)/browser: $(VENV)/installed
	@which "$(CHROMIUM)" chromium chromium-browser google-chrome 2>/dev/null | grep -q . || { \
		if [ "$$(id -u)" = 0 ] && which apt-get > /dev/null; then \
			apt-get update -qq && apt-get install -qq --no-install-recommends $(CHROMIUM_PACKAGES); \
		else echo "There is no Chromium. On Debian: apt-get install $(CHROMIUM_PACKAGES)"; exit 1; fi; }
	$(PIP) install --constraint constraints.txt --group browser
	touch $@

# What people use today. twinkle-kit without what it depends on, torch for CUDA among it: its notifier alone is run.
$(BENCH)/installed: benchmarks/requirements.txt $(SOURCES)
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install --requirement benchmarks/requirements.txt
	$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps 'twinkle-kit==0.5.1'
	$(BENCH)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --force-reinstall .
	rm -rf build *.egg-info
	touch $@
