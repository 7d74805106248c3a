# make lab    environment, then JupyterLab on lesson 1      make test    environment, then every test
# make check  lint and unit tests, under a minute           make course  build everything from the lessons' text
# make classroom  grading: the corpus of damaged and hostile submissions through the sandbox
# make slides HTML and PDF of every deck                    make bench   the figures of the README again
# make site   the course as web pages, with the decks, in build/site

PYTHON ?= python3
PORT   ?= 8888
LESSON ?= 01_vanilla_gan
LAB_ARGS ?=

# An environment that is active already (venv or conda) is used as it is; otherwise .venv is made.
ACTIVE := $(or $(VIRTUAL_ENV),$(CONDA_PREFIX))
VENV   := $(if $(ACTIVE),$(ACTIVE),.venv)
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.gancourse

.PHONY: lab test check classroom course slides site bench clean help
help:
	@sed -n 's/^# //p' Makefile | head -5

# Today's pip first: the one that an older Python brings takes twice the processor's time to install all of it.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gancourse needs Python 3.11 or newer; $(PYTHON) is older. Use: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# One stamp for each set of extras: installing again only when pyproject.toml has changed. Python compiles what is
# imported anyway; to compile all of it first would take a minute more. It must be allowed to keep it, which containers
# often forbid: then each of the hundred processes of a test run would compile torch anew, eight seconds each.
unexport PYTHONDONTWRITEBYTECODE
$(STAMPS)-lab $(STAMPS)-dev: $(STAMPS)-%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --no-compile -e ".[$*]"
	@touch $@

# In a container people are root, and Jupyter wants to be told.
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)

# The developer's set holds the learner's.
LAB_STAMP := $(if $(wildcard $(STAMPS)-dev),$(STAMPS)-dev,$(STAMPS)-lab)

lab: $(LAB_STAMP)
	$(BIN)/python -m jupyterlab --port=$(PORT) --ServerApp.root_dir=lessons \
	  --LabApp.default_url=/lab/tree/$(LESSON)/$(LESSON).ipynb $(ROOT_FLAG) $(LAB_ARGS)

# What takes minutes comes first, the notebooks before all, so that no worker is idle at the end.
LONG  := $(wildcard $(addsuffix /test_*.py,$(addprefix tests/,classroom slides repository)) \
           $(patsubst %,tests/package/test_%.py,quality recipes progressive wgan))
TESTS := $(LONG) $(filter-out $(LONG),$(wildcard tests/*/test_*.py))
FIRST := solutions/05_cyclegan/ solutions/03_wgan_gp/
NOTEBOOKS := $(FIRST) $(filter-out $(FIRST),$(sort $(dir $(wildcard solutions/*/*.ipynb))))
test: $(STAMPS)-dev
	$(BIN)/python -m pytest --nbval $(NOTEBOOKS) $(TESTS) -n 2 --dist loadfile --no-loadscope-reorder

# The lint of the exercises is one of the tests. Who is done takes tests from the other.
check: $(STAMPS)-dev
	$(BIN)/python -m ruff format --check --quiet .
	$(BIN)/python -m ruff check --quiet .
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow" tests/package tests/exercises

# The class of the corpus takes longest, so it comes first; here it is whole.
CORPUS := tests/classroom/test_grade.py
classroom: $(STAMPS)-dev
	GANCOURSE_FULL=1 $(BIN)/python -m pytest $(CORPUS) $(filter-out $(CORPUS),$(wildcard tests/classroom/test_*.py)) \
	  -n 2 --dist loadfile --no-loadscope-reorder

course: $(STAMPS)-dev
	$(BIN)/python -m gancourse.authoring build

slides: $(STAMPS)-dev
	$(BIN)/python slides/build.py

site: $(STAMPS)-dev
	$(BIN)/python site/build.py

bench: $(STAMPS)-dev
	for name in mixtures images translation grading speed levers loop time_to_quality gpu_budgets; do \
	  $(BIN)/python benchmarks/$$name.py || exit 1; done

clean:
	rm -rf build dist slides/build .pytest_cache .ruff_cache
