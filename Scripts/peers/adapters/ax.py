import logging
import warnings

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

from .base import Peer, Suggestion

logging.disable(logging.WARNING)
warnings.simplefilter("ignore")


def parameter(axis):
    if axis.kind == "category":
        return ChoiceParameterConfig(
            name=axis.name, parameter_type="str", values=axis.labels, is_ordered=False)
    if axis.kind == "ordinal":
        return ChoiceParameterConfig(
            name=axis.name, parameter_type="int", values=list(range(int(axis.high) + 1)), is_ordered=True)
    return RangeParameterConfig(
        name=axis.name, parameter_type="float" if axis.kind == "float" else "int", bounds=(axis.low, axis.high),
        scaling="log" if axis.log else "linear")


class AxPeer(Peer):
    package = "ax-platform"

    def start(self, study):
        self.client = Client(random_seed=study.seed % 2**31)
        self.client.configure_experiment(parameters=[parameter(axis) for axis in study.space.axes])
        self.client.configure_optimization(objective="-loss")

    def suggest(self):
        trials = self.client.get_next_trials(max_trials=1)
        if not trials:
            return None
        index, values = next(iter(trials.items()))
        return Suggestion(self.study.space.configuration(lambda axis: values[axis.name]), index)

    def finish(self, trial, resource, losses, seconds):
        self.client.complete_trial(trial.native, raw_data={"loss": losses[0]})

    def fail(self, trial):
        self.client.mark_trial_failed(trial.native)
