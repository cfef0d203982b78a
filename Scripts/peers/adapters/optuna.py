import optuna

from .base import Peer, Suggestion
from .optuna_axes import draw

optuna.logging.set_verbosity(optuna.logging.ERROR)


class OptunaPeer(Peer):
    package = "optuna"
    takes_conditions = True

    def __init__(self, sampler, hyperband=False):
        self.sampler, self.needs_fidelity = sampler, hyperband
        self.takes_objectives = sampler in ("random", "tpe", "nsga2") and not hyperband
        if sampler == "gp":
            import torch  # noqa: F401 (needed by the sampler, which imports it late)

    def start(self, study):
        samplers, seed = optuna.samplers, study.seed
        sampler = {
            "random": lambda: samplers.RandomSampler(seed=seed),
            "tpe": lambda: samplers.TPESampler(seed=seed),
            "tpe-multivariate": lambda: samplers.TPESampler(
                seed=seed, multivariate=True, group=True, constant_liar=True),
            "gp": lambda: samplers.GPSampler(seed=seed),
            "cmaes": lambda: samplers.CmaEsSampler(seed=seed, with_margin=True),
            "nsga2": lambda: samplers.NSGAIISampler(seed=seed),
        }[self.sampler]()
        pruner = optuna.pruners.NopPruner()
        if self.needs_fidelity:
            pruner = optuna.pruners.HyperbandPruner(
                min_resource=study.step(study.minimum), max_resource=study.step(study.maximum), reduction_factor=3)
        self.optuna = optuna.create_study(
            directions=["minimize"] * len(study.objectives), sampler=sampler, pruner=pruner)

    def suggest(self):
        trial = self.optuna.ask()
        return Suggestion(self.study.space.configuration(draw(trial)), trial)

    def report(self, trial, resource, losses):
        if not self.needs_fidelity:
            return "proceed"
        trial.native.report(losses[0], step=self.study.step(resource))
        return "stop" if trial.native.should_prune() else "proceed"

    def finish(self, trial, resource, losses, seconds):
        self.optuna.tell(trial.native, losses)

    def fail(self, trial):
        self.optuna.tell(trial.native, state=optuna.trial.TrialState.FAIL)

    def stop(self, trial):
        self.optuna.tell(trial.native, state=optuna.trial.TrialState.PRUNED)
