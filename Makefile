# make run      set everything up and start the service
# make check    lint, types, and the tests that start no service, in half a minute: before every commit
# make test     set everything up and run all checks and tests, in a quarter of an hour: before a pull request
# make install  the environment in .venv and node_modules, with what the tests need
# make lock     update requirements/*.txt after a change in pyproject.toml; UPGRADE=--upgrade for newest versions
# make bench    compare the service with WhisperLiveKit, for a day; see benchmarks/README.md
# make program  the program for this system, with its own Python, in dist/program
# make zip      the extension for the browsers' stores, in dist/
# make pictures the pictures of README.md, docs and the stores

PYTHON ?= python3
BIN := .venv/bin
TORCH_BIN := .venv-torch/bin
INSTALL := -m pip install --quiet --disable-pip-version-check
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --strip-extras --no-annotate \
	--custom-compile-command "make lock" $(UPGRADE) pyproject.toml
TOOLS := caddy chromium chromium-headless-shell curl ffmpeg firefox flite luacheck node npm openssl paplay pulseaudio systemd-analyze redis-server promtool
OBS_TOOLS := obs Xvfb nginx xdotool
POSTGRESQL := $(wildcard /usr/lib/postgresql/*/bin/initdb)
OBS_PACKAGES := obs-studio obs-plugins xvfb libgl1-mesa-dri nginx-light libnginx-mod-rtmp xdotool

.PHONY: bench check clean icons install lint lock messages pictures program run sample test test-main test-obs test-torch tools zip

run: .venv/model
	$(BIN)/surtitle serve

install: .venv/test node_modules/.installed

check: lint
	$(BIN)/python -m pytest -m unit -n 2 --dist worksteal

lint: .venv/test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/lint-imports

test: .venv/test tools
	$(BIN)/python -m tests.weights
	$(MAKE) --no-print-directory -j4 lint test-main test-obs test-torch
	$(TORCH_BIN)/python -m pytest tests/inference/test_ray.py
	$(BIN)/python -m pytest -m "alone and not torch and not ray"

# Side by side with those of torch and the linters, because most tests wait more than they work.
test-main: .venv/test node_modules/.installed
	$(BIN)/python -m pytest -m "not alone and not torch and not ray" -n 3 --dist loadfile --no-loadscope-reorder \
		--ignore=tests/obs

# One after the other, because an OBS without a GPU takes a whole processor.
test-obs: .venv/test
	$(BIN)/python -m pytest -m "not alone and not torch and not ray" tests/obs

# Several threads of torch would wait for each other without sleeping.
test-torch: .venv-torch/test
	OMP_NUM_THREADS=1 $(TORCH_BIN)/python -m pytest -m "torch and not ray" --ignore=tests/web/compat --ignore=tests/outputs/test_lcyt.py

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Surtitle needs Python 3.11 or newer: install it, or say which with make PYTHON=python3.12.")'
	@echo Installing. This takes a few minutes.
	$(PYTHON) -m venv .venv

.venv/run: .venv/bin/python pyproject.toml requirements/run.txt
	$(BIN)/python $(INSTALL) -c requirements/run.txt -e '.[microphone]'
	touch $@

# Whisper weights for this computer. Without them captions begin on pocketsphinx, and the service tries again.
.venv/model: | .venv/run
	@$(BIN)/surtitle models fetch && touch $@ || echo "There is no Whisper model yet: captions begin on pocketsphinx."

.venv/test: .venv/bin/python pyproject.toml requirements/test.txt
	$(BIN)/python $(INSTALL) -c requirements/test.txt -e '.[test,compat-test,microphone,sherpa-onnx,whisper-cpp]'
	touch .venv/run $@

# What needs torch: gigabytes, so it stays out of everyone's way.
.venv-torch/test: pyproject.toml requirements/torch.txt
	$(PYTHON) -m venv .venv-torch
	$(TORCH_BIN)/python $(INSTALL) -c requirements/torch.txt -e '.[test,torch-test,translation,diarization,diart,ray]'
	$(TORCH_BIN)/python $(INSTALL) --no-deps diart==0.9.2
	rm -f .venv-torch/lib/python*/site-packages/torchaudio/lib/*.so # built for CUDA; the rest works with any torch
	touch $@

.venv/bench: .venv/bin/python pyproject.toml requirements/bench.txt
	$(BIN)/python $(INSTALL) -c requirements/bench.txt -e '.[bench]'
	touch .venv/run $@

# Exact versions for each way of installing, for all platforms. torch leaves the least choice, so it goes first.
lock: .venv/bin/python
	$(BIN)/python $(INSTALL) "uv>=0.13,<0.14"
	$(LOCK) --extra test --extra torch-test --extra translation --extra diarization --extra diart --extra ray -o requirements/torch.txt >/dev/null
	$(LOCK) -c requirements/torch.txt --extra test --extra compat-test --extra microphone --extra sherpa-onnx --extra whisper-cpp \
		-o requirements/test.txt >/dev/null
	$(LOCK) -c requirements/torch.txt --extra bench -o requirements/bench.txt >/dev/null
	$(LOCK) -c requirements/torch.txt --extra microphone --extra postgresql --extra bus --extra s3 -o requirements/run.txt >/dev/null
	$(LOCK) -c requirements/torch.txt --extra ray -o requirements/pool.txt >/dev/null
	$(LOCK) -c requirements/torch.txt --extra microphone --extra desktop --extra program-build -o requirements/program.txt >/dev/null

# What checks the JavaScript; where there is no npm, those tests are skipped and say so.
node_modules/.installed: package.json package-lock.json
	@if command -v npm >/dev/null; then \
		npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@; \
	else \
		echo "Some tests will be skipped, because npm is missing"; \
	fi

bench: .venv/bench
	$(BIN)/python -m benchmarks

# Programs that the tests use. Where they cannot be installed, the tests that need them are skipped and say so.
tools:
	@missing=$$(for tool in $(TOOLS); do command -v $$tool >/dev/null || echo $$tool; done; \
		for tool in $(OBS_TOOLS); do command -v $$tool >/dev/null || { echo $(OBS_PACKAGES); break; }; done; \
		[ -n "$(POSTGRESQL)" ] || echo postgresql); \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq; firefox=$$(apt-cache show firefox-esr >/dev/null 2>&1 && echo firefox-esr || echo firefox); \
		apt-cache show chromium-headless-shell >/dev/null 2>&1 || missing=$$(echo $$missing | sed "s/chromium-headless-shell//"); \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$(echo $$missing | sed "s/\bfirefox\b/$$firefox/; s/\bnode\b/nodejs/; s/systemd-analyze/systemd/; s/paplay/pulseaudio-utils/; s/luacheck/lua-check/; s/promtool/prometheus/"); \
	elif [ -n "$$missing" ]; then \
		echo "Some tests will be skipped, because these programs are missing:" $$missing; \
	fi

# The interface's texts as they are now, in the catalog of each language; what has no translation yet is empty there.
messages: .venv/test
	mkdir -p build
	$(BIN)/pybabel -q extract -F service/surtitle/web/locales/babel.cfg -k _ -k t --no-location --sort-output \
		--project Surtitle -o build/messages.pot service/surtitle obs_overlay
	for catalog in service/surtitle/web/locales/*.po; do \
		$(BIN)/pybabel -q update -i build/messages.pot -o $$catalog -l $$(basename $$catalog .po) \
			--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date || exit 1; \
	done

# The demo's speech, made anew from its text; needs flite and sox.
sample:
	sh service/surtitle/demo/make_sample.sh

# The extension's icons, made anew from their drawing; needs chromium.
icons: .venv/test
	$(BIN)/python scripts/extension_icons.py

# The pictures of the documentation and the stores, taken again; needs chromium, firefox, ffmpeg and the ports 8000 and 4455.
pictures: .venv/test
	$(BIN)/python -m tests.weights base
	$(BIN)/python -m scripts.pictures

program:
	$(PYTHON) scripts/build_program.py

zip:
	$(PYTHON) scripts/extension_zip.py

clean:
	rm -rf .venv .venv-torch node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
