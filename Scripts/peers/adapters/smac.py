import tempfile

import smac
from smac.runhistory.dataclasses import TrialValue
from smac.runhistory.enumerations import StatusType

from .base import Peer, Suggestion, plain
from .configspace import configuration_space


class SMACPeer(Peer):
    package = "smac"
    takes_conditions = True

    def __init__(self, facade):
        self.facade = facade
        self.needs_fidelity = facade == "hyperband"

    def start(self, study):
        self.folder = tempfile.TemporaryDirectory(prefix="trimtab-smac-")
        budgets = {}
        if self.needs_fidelity:
            budgets = {"min_budget": study.minimum, "max_budget": study.maximum}
        # The initial design is a share of the number of trials; without one, of a middling number.
        scenario = smac.Scenario(
            configuration_space(study.space, study.seed), deterministic=True, seed=study.seed % 2**31,
            n_trials=study.trials or 200, output_directory=self.folder.name, **budgets)
        kind = {
            "hpo": smac.HyperparameterOptimizationFacade, "blackbox": smac.BlackBoxFacade,
            "hyperband": smac.MultiFidelityFacade,
        }[self.facade]
        self.smac = kind(scenario, lambda config, seed=0, budget=0: 0.0, logging_level=False, overwrite=True)
        self.worst = 1.0

    def suggest(self):
        info = self.smac.ask()
        config = self.study.space.configuration(lambda axis: plain(info.config[axis.name], axis))
        target = None
        if info.budget is not None:
            target = round(info.budget) if self.study.integer else info.budget
        return Suggestion(config, info, target, info.config if self.needs_fidelity else None)

    def finish(self, trial, resource, losses, seconds):
        self.worst = max(self.worst, losses[0])
        self.smac.tell(trial.native, TrialValue(cost=losses[0], time=seconds), save=False)

    def fail(self, trial):
        self.smac.tell(trial.native, TrialValue(cost=self.worst, status=StatusType.CRASHED), save=False)
