import datetime
import logging

import numpy
from syne_tune import config_space as space
from syne_tune.backend.trial_status import Trial
from syne_tune.optimizer import baselines
from syne_tune.optimizer.scheduler import SchedulerDecision

from .base import Peer, Suggestion, plain

logging.disable(logging.WARNING)


def domain(axis):
    if axis.kind == "category":
        return space.choice(axis.labels)
    if axis.kind == "ordinal":
        return space.ordinal(list(range(int(axis.high) + 1)), kind="equal")
    if axis.kind == "float":
        return (space.loguniform if axis.log else space.uniform)(axis.low, axis.high)
    return (space.lograndint if axis.log else space.randint)(int(axis.low), int(axis.high))


class SyneTunePeer(Peer):
    package = "syne-tune"

    def __init__(self, scheduler):
        self.scheduler = scheduler
        self.needs_fidelity = scheduler in ("ASHA", "BOHB", "ASHACQR")

    def start(self, study):
        options = {"random_seed": study.seed % 2**32}
        options.update({"metrics": ["loss"]} if self.scheduler == "RandomSearch" else {"metric": "loss"})
        if self.needs_fidelity:
            options.update({
                "time_attr": "resource", "max_t": study.step(study.maximum), "grace_period": study.step(study.minimum)})
        # Brackets are drawn from the global generator.
        numpy.random.seed(study.seed % 2**32)
        domains = {axis.name: domain(axis) for axis in study.space.axes}
        self.tuner = getattr(baselines, self.scheduler)(domains, **options)
        self.count = 0

    def suggest(self):
        suggestion = self.tuner.suggest()
        if suggestion is None:
            raise StopIteration("every configuration has been tried")
        native = Trial(trial_id=self.count, config=suggestion.config, creation_time=datetime.datetime.now())
        self.count += 1
        self.tuner.on_trial_add(native)
        config = self.study.space.configuration(lambda axis: plain(suggestion.config[axis.name], axis))
        return Suggestion(config, native)

    def report(self, trial, resource, losses):
        if not self.needs_fidelity:
            return "proceed"
        decision = self.tuner.on_trial_result(trial.native, {"loss": losses[0], "resource": self.study.step(resource)})
        return "stop" if decision == SchedulerDecision.STOP else "proceed"

    def finish(self, trial, resource, losses, seconds):
        result = {"loss": losses[0]}
        if self.needs_fidelity:
            result["resource"] = self.study.step(resource)
        self.tuner.on_trial_complete(trial.native, result)

    def fail(self, trial):
        self.tuner.on_trial_error(trial.native)

    def stop(self, trial):
        self.tuner.on_trial_remove(trial.native)
