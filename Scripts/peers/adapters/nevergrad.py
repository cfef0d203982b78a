import nevergrad
import numpy

from .base import Peer, Suggestion


def variable(axis):
    p = nevergrad.p
    if axis.kind == "category":
        return p.Choice(list(range(axis.count)))
    if axis.kind == "ordinal":
        return p.TransitionChoice(list(range(int(axis.high) + 1)))
    if axis.low == axis.high:
        return p.Constant(axis.low)
    kind = p.Log if axis.log else p.Scalar
    scalar = kind(lower=axis.low, upper=axis.high)
    return scalar if axis.kind == "float" else scalar.set_integer_casting()


class NevergradPeer(Peer):
    package = "nevergrad"

    def start(self, study):
        variables = nevergrad.p.Dict(**{axis.name: variable(axis) for axis in study.space.axes})
        variables.random_state = numpy.random.RandomState(study.seed % 2**32)
        # NGOpt chooses its algorithm by the budget; without one, by a middling number.
        self.optimizer = nevergrad.optimizers.NGOpt(variables, budget=study.trials or 100, num_workers=1)
        self.worst = None

    def suggest(self):
        candidate = self.optimizer.ask()
        values = candidate.value

        def value(axis):
            raw = values[axis.name]
            return min(max(raw, axis.low), axis.high) if axis.kind in ("float", "integer") else raw

        return Suggestion(self.study.space.configuration(value), candidate)

    def finish(self, trial, resource, losses, seconds):
        self.worst = losses[0] if self.worst is None else max(self.worst, losses[0])
        self.optimizer.tell(trial.native, losses[0])

    def fail(self, trial):
        # It knows no failures: one counts as the worst seen.
        if self.worst is not None:
            self.optimizer.tell(trial.native, self.worst)
