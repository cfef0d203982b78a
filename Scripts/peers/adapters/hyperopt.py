import math

import hyperopt
import numpy
from hyperopt import hp

from .base import Peer, Suggestion
from .conditions import describe
from .space import Unsupported


class HyperoptPeer(Peer):
    """TPE through `Trials` and `tpe.suggest`, as `fmin` uses them. Conditions are branches of `hp.choice`."""

    package = "hyperopt"
    takes_conditions = True

    def start(self, study):
        self.nodes = {}
        space = {p.axis.name: self.node(p) for p in study.space.parameters if p.axis and not p.condition}
        self.domain = hyperopt.base.Domain(lambda config: 0, space)
        self.trials = hyperopt.Trials()
        self.random = numpy.random.default_rng(study.seed)

    def children(self, parent, value):
        """The parameters that are active only when the parent has this value, or one of several."""
        found = {}
        for child in self.study.space.parameters:
            if not child.condition or not child.axis:
                continue
            branch = child.condition.is_choice()
            if branch is None or self.study.space.by_name[branch[0]].kind == "ordinal":
                raise Unsupported(f"{child.name}: the condition '{child.condition.text}' cannot be taken")
            if branch[0] == parent.name and describe(value) in branch[1]:
                found[child.axis.name] = self.node(child)
        return found

    def node(self, parameter):
        """The one node of a parameter, which several branches may share."""
        if parameter.name not in self.nodes:
            self.nodes[parameter.name] = self.make(parameter)
        return self.nodes[parameter.name]

    def make(self, parameter):
        axis = parameter.axis
        if axis.kind == "category":
            return hp.choice(
                axis.name, [{"value": i, **self.children(parameter, v)} for i, v in enumerate(parameter.choices)])
        if axis.kind == "float":
            if axis.log:
                return hp.loguniform(axis.name, math.log(axis.low), math.log(axis.high))
            return hp.uniform(axis.name, axis.low, axis.high)
        if axis.log:
            return hp.qloguniform(axis.name, math.log(axis.low - 0.5), math.log(axis.high + 0.5), 1)
        return hp.quniform(axis.name, axis.low - 0.5, axis.high + 0.5, 1)

    def suggest(self):
        ids = self.trials.new_trial_ids(1)
        self.trials.refresh()
        documents = hyperopt.tpe.suggest(ids, self.domain, self.trials, int(self.random.integers(2**31 - 1)))
        self.trials.insert_trial_docs(documents)
        self.trials.refresh()
        values = documents[0]["misc"]["vals"]

        def value(axis):
            raw = values[axis.name][0]
            if axis.kind == "category":
                return int(raw)
            raw = min(max(float(raw), axis.low), axis.high)
            return raw if axis.kind == "float" else round(raw)

        return Suggestion(self.study.space.configuration(value), ids[0])

    def end(self, trial, result):
        document = next(d for d in reversed(self.trials._dynamic_trials) if d["tid"] == trial.native)
        document["state"] = hyperopt.JOB_STATE_DONE
        document["result"] = result
        self.trials.refresh()

    def finish(self, trial, resource, losses, seconds):
        self.end(trial, {"status": hyperopt.STATUS_OK, "loss": losses[0]})

    def fail(self, trial):
        self.end(trial, {"status": hyperopt.STATUS_FAIL})
