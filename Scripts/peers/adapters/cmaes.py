import math

import numpy
from cmaes import CMAwM

from .base import Peer, Suggestion
from .space import Unsupported


class CMAPeer(Peer):
    """CMA-ES with margin on the unit cube, begun anew with twice the population when it has converged (IPOP)."""

    package = "cmaes"

    def start(self, study):
        for parameter in study.space.parameters:
            if parameter.axis and parameter.axis.kind == "category":
                raise Unsupported(f"{parameter.name}: categories cannot be taken")
        self.axes = study.space.axes
        if len(self.axes) < 2:
            raise Unsupported("at least two parameters are needed")
        self.restarts = 0
        self.begin(None)

    def begin(self, population):
        # Whole numbers on a linear scale are steps; on a logarithmic one they are rounded.
        steps = [0 if a.kind == "float" or a.log or a.high == a.low else 1 / (a.high - a.low) for a in self.axes]
        count = len(self.axes)
        self.cma = CMAwM(
            mean=numpy.full(count, 0.5), sigma=1 / 6, bounds=numpy.tile([0.0, 1.0], (count, 1)),
            steps=numpy.array(steps), seed=(self.study.seed + self.restarts) % 2**32, population_size=population)
        self.solutions = []

    def suggest(self):
        shown, told = self.cma.ask()
        unit = {axis.name: float(min(max(u, 0), 1)) for axis, u in zip(self.axes, shown)}

        return Suggestion(self.study.space.configuration(lambda axis: axis.at(unit[axis.name])), (self.cma, told))

    def tell(self, trial, loss):
        cma, point = trial.native
        if cma is not self.cma:
            return  # of a population that has ended
        self.solutions.append((point, loss))
        if len(self.solutions) < cma.population_size:
            return
        cma.tell(self.solutions)
        self.solutions = []
        if cma.should_stop():
            self.restarts += 1
            self.begin(cma.population_size * 2)

    def finish(self, trial, resource, losses, seconds):
        self.tell(trial, losses[0])

    def fail(self, trial):
        # Only ranks count.
        self.tell(trial, math.inf)
