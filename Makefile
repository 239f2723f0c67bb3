# make run        train the hybrid network on the digits that come with the project; results in runs/hybrid
# make test       run the tests; ARGS="-k name" goes to pytest
# Either one first sets up .venv, once. `make validate`, `make lint` and `make clean` do what they say.

PYTHON := .venv/bin/python
READY := .venv/ready
ARGS :=

.PHONY: run test validate lint clean

run: $(READY)
	$(PYTHON) -m neuromorph train hybrid --dataset digits --classes 4 --seed 0 --out runs/hybrid $(ARGS)

# A worker a core, four at most, each with one thread.
test: $(READY)
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n auto --maxprocesses 4 $(ARGS)

validate: $(READY)
	$(PYTHON) -m validation $(ARGS)

lint: $(READY)
	$(PYTHON) -m ruff check .

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Touched last, so that an interrupted install is done again. A .venv that works is kept and updated.
$(READY): pyproject.toml constraints.txt
	@check='import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'; \
	$(PYTHON) -c "import pip; $$check" 2>/dev/null && exit; \
	for python in python3.13 python3.12 python3.11 python3; do \
		$$python -c "$$check" 2>/dev/null && exec $$python -m venv --clear .venv; \
	done; \
	echo "No Python >= 3.11 with venv was found. Install one (Debian: python3-venv too), run make again." >&2; \
	exit 1
	$(PYTHON) -m pip install --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@
