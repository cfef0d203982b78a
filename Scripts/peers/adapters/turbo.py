import warnings

import numpy
import torch
from turbo import Turbo1

from .driven import DrivenPeer

warnings.simplefilter("ignore")


class TurboPeer(DrivenPeer):
    """TuRBO-1, one point at a time, with the design of twice the coordinates that its authors advise."""

    package = "turbo"

    def optimise(self, objective, dimension, budget):
        numpy.random.seed(self.study.seed % 2**32)
        torch.manual_seed(self.study.seed % 2**32)
        design = 2 * dimension
        if dimension < 2:
            raise ValueError("it takes at least two parameters")
        Turbo1(
            f=objective, lb=numpy.zeros(dimension), ub=numpy.ones(dimension), n_init=design,
            max_evals=max(budget, design + 1), batch_size=1, verbose=False).optimize()
