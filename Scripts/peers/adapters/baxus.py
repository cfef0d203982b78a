import sys
import tempfile
import types
import warnings

import numpy
import torch

from .driven import DrivenPeer

warnings.simplefilter("ignore")


class Absent(types.ModuleType):
    """Stands for the package's own problems, which it imports with all that they need."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


for module in ("real_world_benchmarks", "synthetic_benchmark_functions", "benchmark_utils"):
    sys.modules.setdefault(f"baxus.benchmarks.{module}", Absent(f"baxus.benchmarks.{module}"))

from baxus.baxus import BAxUS  # noqa: E402
from baxus.benchmarks.benchmark_function import Benchmark  # noqa: E402


class Objective(Benchmark):
    def __init__(self, dimension, function):
        super().__init__(dimension, numpy.ones(dimension), numpy.zeros(dimension), 0)
        self.function = function

    def __call__(self, point):
        return self.function(point)


class BAxUSPeer(DrivenPeer):
    package = "BAxUS"

    def optimise(self, objective, dimension, budget):
        numpy.random.seed(self.study.seed % 2**32)
        torch.manual_seed(self.study.seed % 2**32)
        design = 10
        with tempfile.TemporaryDirectory() as folder:
            BAxUS(
                f=Objective(dimension, objective), target_dim=1, n_init=design, max_evals=max(budget, design + 1),
                run_dir=folder).optimize()
