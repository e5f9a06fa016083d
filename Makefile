# make bench   install once, then measure the paper's seven networks; writes reports/local/
# make reports the same and more, into the committed reports/
# make runtimes  networks in the forms in which people deploy them; an hour and more
# make figure4 CORPUS=DIR   all seven networks trained under one budget of operations; hours
# make recipes CORPUS=DIR   which changes of the training's recipe are worth their operations; hours
# make short CORPUS=DIR     the whole training of the recipe that came of it; hours
# make shipped CORPUS=DIR   the trained network that comes with the package; an hour
# make listen  separate the mixture that comes with the package, into listen/
# make test    install once, then run the tests
# make thorough  the tests that take minutes
# make wheel   the tests of a plain install: the wheel, and the command in any folder
# make lint    style, types and import contracts
# make gate    hold the networks to budgets.toml, in under two minutes
# make cuda    everything that needs a GPU: the main job, its reports, then the tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ZOO := $(VENV)/.zoo
RUNTIMES := $(VENV)/.runtimes
RAY := $(VENV)/.ray


.PHONY: bench reports runtimes figure4 recipes short shipped listen test thorough wheel lint gate cuda clean

bench: $(INSTALLED)
	$(BIN)/python -m bench.run --models table1 --output reports/local --beside reports

# All that is measured without training. A cell that failed (exit code 1) is named in its table.
reports: $(INSTALLED)
	$(BIN)/python -m bench.run --models table1 --time 240 --roofline || [ $$? -eq 1 ]
	$(BIN)/python -m bench.run --models table2 --effort quick || [ $$? -eq 1 ]
	$(BIN)/python -m bench.pages || [ $$? -eq 1 ]
	$(BIN)/python -m bench.operations --models table1
	$(BIN)/python -m bench.streaming
	$(BIN)/python -m bench.explain table1 || [ $$? -eq 1 ]
	$(BIN)/python -m bench.sweep --samples 4000:64000:x2 --batch 1,4 || [ $$? -eq 1 ]
	$(BIN)/python -m bench.sweep --resume --models conv-tasnet dprnn sudormrf-1.0x \
		--samples 8000:32000:x2 --threads 1,2 --time 150s || [ $$? -eq 1 ]

runtimes: $(RUNTIMES)
	$(BIN)/python -m bench.run --models table1 --roofline \
		--runtime eager,compile,onnxruntime,openvino,native \
		--precision float32,bfloat16,int8 || [ $$? -eq 1 ]

NEEDS_CORPUS = test -n "$(CORPUS)" || \
	{ echo "Name the recordings: make $(firstword $(subst /, ,$@)) CORPUS=DIR" >&2; exit 1; }

# What was evaluated is evaluated again where its weights are newer.
define EVALUATE
test $(folder)/evaluated -nt $(folder)/model.safetensors || \
	$(BIN)/python -m bench.evaluate --checkpoint $(folder)/model.safetensors $(row) \
		--corpus $(CORPUS) --task $(task) --mixtures 1000 \
		--device $(DEVICE) --threads $(THREADS) --batch 1
touch $(folder)/evaluated
endef

# The same budget, mixtures and order of them for each network; one after another, or as many at once
# as --jobs says, each on THREADS threads. The same command goes on with what was interrupted.
# A network that FIGURE4_CPU_S seconds of processor time do not bring to its budget ends there.
FIGURE4_NETWORKS := sudormrf-0.25x sudormrf-0.5x sudormrf-1.0x \
	conv-tasnet two-step-tdcn demucs dprnn
FIGURE4_MACS := 30e12
FIGURE4_CPU_S := 3600
THREADS := 1
DEVICE := cpu
FIGURE4 := $(addprefix figure4/, $(addprefix sounds/, $(FIGURE4_NETWORKS)) \
	$(addprefix speech/, $(filter sudormrf-%, $(FIGURE4_NETWORKS))))
.PHONY: $(FIGURE4)

figure4: $(FIGURE4)
	$(BIN)/python -m bench.report --trainings reports/training

# figure4/TASK/NETWORK
$(FIGURE4): task = $(notdir $(@D))
$(FIGURE4): folder = reports/training/$(@F)-$(task)
$(FIGURE4): $(INSTALLED)
	@$(NEEDS_CORPUS)
	$(BIN)/python -m bench.train --model $(@F) --corpus $(CORPUS) --task $(task) \
		--samples 8000 --batch 4 --schedule cosine --validation 60 --validations 6 \
		--max-macs $(FIGURE4_MACS) --max-cpu-s $(FIGURE4_CPU_S) --save-s 300 \
		--device $(DEVICE) --threads $(THREADS) --output $(folder)
	$(EVALUATE)

# Changes of the base, alone and two together, with three seeds. RECIPE_* hold the
# options that differ from the defaults of bench.train, which are the paper's.
RECIPES := base short-mixtures schedule average augment short-schedule short-average
RECIPE_short-mixtures := --samples 8000 --batch 2
RECIPE_schedule := --schedule cosine --learning-rate 2e-3
RECIPE_average := --average
RECIPE_augment := --augment
RECIPE_short-schedule := $(RECIPE_short-mixtures) $(RECIPE_schedule)
RECIPE_short-average := --recipe short
RECIPE_MACS := 10e12
RECIPE_RUNS := $(foreach seed, 0 1 2, $(RECIPES:%=recipes/%-$(seed)))
.PHONY: $(RECIPE_RUNS)

recipes: $(RECIPE_RUNS)
	$(BIN)/python -m bench.report --recipes reports/recipes

$(RECIPE_RUNS): seed = $(lastword $(subst -, ,$(@F)))
$(RECIPE_RUNS): $(INSTALLED)
	@$(NEEDS_CORPUS)
	$(BIN)/python -m bench.train --model sudormrf-0.25x --corpus $(CORPUS) --task speech \
		--runtime native --device cpu --threads $(THREADS) --seed $(seed) \
		--max-macs $(RECIPE_MACS) --validation 200 --validations 1 \
		$(RECIPE_$(@F:-$(seed)=)) --output reports/recipes/$(@F)

# The recipe for small budgets, at full length: its test mixtures are opened once, at the end.
SHORT_MACS_speech := 75e12
SHORT_MACS_sounds := 55e12
SHORT := short/speech short/sounds
.PHONY: $(SHORT)

short: $(SHORT)

$(SHORT): task = $(@F)
$(SHORT): folder = reports/short/$(task)
$(SHORT): row = --name "SuDoRM-RF 0.25x, short recipe"
$(SHORT): $(INSTALLED)
	@$(NEEDS_CORPUS)
	$(BIN)/python -m bench.train --recipe short --model sudormrf-0.25x --corpus $(CORPUS) \
		--task $(task) --runtime native --device cpu --threads $(THREADS) \
		--max-macs $(SHORT_MACS_$(task)) --validation 200 --validations 6 --output $(folder)
	$(EVALUATE)

# Of the recordings, those of packages whose sounds are under CC-BY, CC-BY-SA or CC0.
SHIPPED := bench/networks/shipped/sudormrf-0.25x-sounds.safetensors
SHIPPED_MACS := 30e12
SHIPPED_PACKAGES := 0ad-data flare-game megaglest-data minetest-data openttd-opensfx

shipped: $(INSTALLED)
	@$(NEEDS_CORPUS)
	mkdir -p build/licensed
	ln -sfn $(abspath $(CORPUS))/sounds build/licensed/sounds
	awk -F '\t' 'NR == 1 || index(" $(SHIPPED_PACKAGES) ", " " $$4 " ")' $(CORPUS)/sounds.tsv \
		> build/licensed/sounds.tsv
	$(BIN)/python -m bench.train --samples 8000 --batch 2 --schedule cosine \
		--model sudormrf-0.25x --corpus build/licensed \
		--task sounds --runtime native --device cpu --threads $(THREADS) \
		--max-macs $(SHIPPED_MACS) --validation 200 --validations 6 --output build/shipped
	mkdir -p $(dir $(SHIPPED))
	cp build/shipped/model.safetensors $(SHIPPED)
	$(BIN)/python -m bench.evaluate --checkpoint $(SHIPPED) --name "SuDoRM-RF 0.25x, shipped" \
		--corpus $(CORPUS) --task sounds --mixtures 1000 --threads $(THREADS) --batch 1

listen: $(INSTALLED)
	$(BIN)/python -m bench.separate bench/recordings/example/mixture.wav listen

test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal \
		-m "not cuda and not thorough"

thorough: $(INSTALLED) $(ZOO) $(RUNTIMES) $(RAY)
	$(BIN)/python -m pytest -m "thorough and not cuda"

wheel: $(INSTALLED)
	$(BIN)/python -m pytest tests/test_plain_install.py

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# An open verdict (exit code 3) is printed and ends nothing: this project's CI runs on machines that it
# does not know, within two minutes. Elsewhere bench.check is strict (docs/ci.md).
gate: $(INSTALLED)
	$(BIN)/python -m bench.check --time 90 || [ $$? -eq 3 ]

# The package index has torchaudio (which asteroid wants) for CUDA only: its libraries can't load
# beside a torch for processors. It does without them, in Python, where they are not there.
TORCHAUDIO_LIBRARIES := $(VENV)/lib/python*/site-packages/torchaudio/lib/*.so
# pip would compile modules on one processor; some files of packages are templates that don't compile.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check \
		--constraint constraints.txt --editable '.[asteroid,crosscheck,history,page,train,dev]'
	@$(BIN)/python -m compileall -qq --workers 0 $(VENV)/lib || true
	@$(BIN)/python -c 'import torchaudio' 2>/dev/null || rm -f $(TORCHAUDIO_LIBRARIES)
	@touch $@

# The packages of the zoo, which only the thorough tests and docs/zoo.md need.
$(ZOO): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[demucs,roformers,speechbrain]'
	@$(BIN)/python -c 'import torchaudio' 2>/dev/null || rm -f $(TORCHAUDIO_LIBRARIES)
	@touch $@

# What other runtimes than PyTorch need; only the thorough tests try them.
$(RUNTIMES): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[onnx,openvino]'
	@touch $@

# A cluster on this machine; only the thorough tests start one.
$(RAY): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[ray]'
	@touch $@

# A Python that sees a GPU is used as it is, with packages that it lacks from a folder of wheels
# (make cuda WHEELS=DIR), so that a machine without network will do. Else the virtual environment.
# It measures first, with no package that the README does not ask for. The exit code is not 0 where
# nothing could be measured or a test failed; a cell that can't be measured there (exit code 1 of
# bench.run) is named in the table and ends nothing.
SEES_GPU := import sys, torch; sys.exit(not torch.cuda.is_available())
CUDA_JOB := --device cuda --models all
# The files with tests marked cuda; tests/test_make_cuda.py holds this against the marks.
CUDA_TESTS := \
	tests/bench/measuring/probes/test_latency.py \
	tests/bench/measuring/probes/test_launches_on_gpu.py \
	tests/bench/measuring/probes/test_memory.py \
	tests/bench/measuring/probes/test_profile_on_gpu.py \
	tests/bench/measuring/test_environment.py \
	tests/bench/measuring/test_replay.py \
	tests/bench/measuring/test_stopwatch.py \
	tests/bench/runtimes/test_cudagraph.py \
	tests/simulated_cuda/test_torch.py \
	tests/test_model_properties.py
cuda:
	@if $(PYTHON) -c '$(SEES_GPU)' 2>/dev/null; then python=$(PYTHON); \
	else $(MAKE) $(INSTALLED) && python=$(BIN)/python || exit; fi; \
	if [ -n "$(WHEELS)" ]; then \
		$$python -m pip install --quiet --no-index --no-deps --upgrade --target build/wheels \
			$(WHEELS)/*.whl || exit; \
	fi; \
	export PYTHONPATH="build/wheels$${PYTHONPATH:+:$$PYTHONPATH}"; \
	$$python -m bench.run $(CUDA_JOB); measured=$$?; \
	if $$python -c 'import pytest' 2>/dev/null; then \
		$$python -m pytest -m cuda $(CUDA_TESTS); tested=$$?; \
		echo "bench.run ended with exit code $$measured, the tests on the GPU with $$tested." >&2; \
	else \
		tested=0; \
		echo "bench.run ended with exit code $$measured. There is no pytest, so nothing was tested." >&2; \
	fi; \
	[ $$measured -le 1 ] && [ $$tested -eq 0 ]

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
