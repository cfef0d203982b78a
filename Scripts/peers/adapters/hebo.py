import warnings

import numpy
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO

from .base import Peer, Suggestion, plain

warnings.simplefilter("ignore")


def parameter(axis):
    if axis.kind == "category":
        return {"name": axis.name, "type": "cat", "categories": axis.labels}
    kind = {"float": "pow" if axis.log else "num"}.get(axis.kind, "pow_int" if axis.log else "int")
    return {"name": axis.name, "type": kind, "lb": axis.low, "ub": axis.high}


class HEBOPeer(Peer):
    package = "HEBO"

    def start(self, study):
        numpy.random.seed(study.seed % 2**32)
        torch.manual_seed(study.seed % 2**32)
        self.hebo = HEBO(
            DesignSpace().parse([parameter(axis) for axis in study.space.axes]), scramble_seed=study.seed % 2**31)

    def suggest(self):
        point = self.hebo.suggest(n_suggestions=1)
        values = point.iloc[0]

        def value(axis):
            raw = plain(values[axis.name], axis)
            # A power and back may miss the end by a rounding.
            return raw if axis.kind == "category" else min(max(raw, axis.low), axis.high)

        return Suggestion(self.study.space.configuration(value), point)

    def finish(self, trial, resource, losses, seconds):
        self.hebo.observe(trial.native, numpy.array([[losses[0]]]))

    def fail(self, trial):
        """It knows no failures, and is told nothing."""
