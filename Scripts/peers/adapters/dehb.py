import math
import tempfile

from dehb import DEHB

from .base import Peer, Suggestion, plain
from .configspace import configuration_space
from .space import Unsupported


class DEHBPeer(Peer):
    package = "DEHB"
    takes_conditions = True
    needs_fidelity = True

    def start(self, study):
        if study.minimum >= study.maximum:
            raise Unsupported("the fidelity's minimum must lie below its maximum")
        self.folder = tempfile.TemporaryDirectory(prefix="trimtab-dehb-")
        space = configuration_space(study.space, study.seed)
        self.dehb = DEHB(
            cs=space, f=None, dimensions=len(study.space.axes), min_fidelity=study.minimum,
            max_fidelity=study.maximum, n_workers=1, seed=study.seed % 2**32, output_path=self.folder.name,
            save_freq="end", log_level="ERROR")

    def suggest(self):
        job = self.dehb.ask()
        target = round(job["fidelity"]) if self.study.integer else float(job["fidelity"])
        values = dict(job["config"])
        config = self.study.space.configuration(lambda axis: plain(values[axis.name], axis))
        return Suggestion(config, job, target, job["config_id"])

    def finish(self, trial, resource, losses, seconds):
        self.dehb.tell(trial.native, {"fitness": losses[0], "cost": seconds})

    def fail(self, trial):
        self.dehb.tell(trial.native, {"fitness": math.inf, "cost": 0})
