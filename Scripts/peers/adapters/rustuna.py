import rustuna
from rustuna.trial import TrialState

from .base import Peer, Suggestion
from .optuna_axes import draw


class RustunaPeer(Peer):
    package = "rustuna"
    takes_conditions = True

    def __init__(self, sampler):
        self.sampler = sampler

    def start(self, study):
        kind = {"random": rustuna.samplers.RandomSampler, "tpe": rustuna.samplers.TPESampler}[self.sampler]
        # Its seeds have 32 bits.
        self.rustuna = rustuna.create_study(sampler=kind(seed=study.seed % 2**32))

    def suggest(self):
        trial = self.rustuna.ask()
        return Suggestion(self.study.space.configuration(draw(trial)), trial)

    def finish(self, trial, resource, losses, seconds):
        self.rustuna.tell(trial.native.number, losses[0])

    def fail(self, trial):
        self.rustuna.tell(trial.native.number, state=TrialState.FAIL)
