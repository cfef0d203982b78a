"""A callback for LightGBM.

    from trimtab.lightgbm import TrimtabCallback

    callback = TrimtabCallback("valid-binary_logloss", name="loss")
    lightgbm.train(
        params, data, rounds, valid_sets=[valid], valid_names=["valid"], callbacks=[callback],
        init_model=callback.checkpoint)
    callback.finish()
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from lightgbm.callback import EarlyStopException

from ._progress import Progress, replacing

if TYPE_CHECKING:
    from ._progress import AnyTrial

_FILE = "model.txt"


class TrimtabCallback:
    """Reports evaluations after each boosting round, and ends the training when the trial should stop.

    - metric: the objective, as the names of data and metric: ``"valid-auc"``; may be left out where one value is
      evaluated.
    - name: under which it is reported, where the study file calls it otherwise.
    - trial: that of an objective; when left out, that of this process.
    - every: how many rounds lie between two reports and checkpoints.

    In an objective, ``TrialPruned`` comes out of the training when the trial is pruned.
    """

    order = 30
    before_iteration = False

    def __init__(
        self, metric: str | None = None, *, name: str | None = None, trial: AnyTrial | None = None, every: int = 1
    ) -> None:
        self._progress = Progress(trial, metric, name)
        self._every = every

    @property
    def value(self) -> float | None:
        """The objective as it was reported last."""
        return self._progress.value

    @property
    def checkpoint(self) -> str | None:
        """The model that an earlier run of the trial left, for ``init_model``."""
        path = self._progress.checkpoint(_FILE)
        return None if path is None else str(path)

    def __call__(self, environment: Any) -> None:
        results = environment.evaluation_result_list or []
        # (data, metric, value, whether higher is better), and from cross-validation the deviation.
        metrics = {f"{result[0]}-{result[1]}": result[2] for result in results}
        rounds = environment.iteration + 1
        target = self._progress.trial.resource
        if rounds % self._every and rounds != target:
            return
        folder = self._progress.checkpoint_dir
        if folder is not None and hasattr(environment.model, "save_model"):
            path = replacing(folder / _FILE)
            environment.model.save_model(str(path))
            os.replace(path, folder / _FILE)
        if self._progress.report(rounds, metrics):
            raise EarlyStopException(environment.iteration, results)

    def finish(self) -> None:
        """Report the result in a study without fidelity: LightGBM does not tell callbacks of the end."""
        self._progress.finish()


__all__ = ["TrimtabCallback"]
