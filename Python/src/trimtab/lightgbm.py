"""A callback for LightGBM.

    from trimtab.lightgbm import TrimtabCallback

    callback = TrimtabCallback("valid-binary_logloss", name="loss")
    lightgbm.train(
        params, data, rounds, valid_sets=[valid], valid_names=["valid"], callbacks=[callback],
        init_model=callback.checkpoint)
    callback.finish()

``callback.checkpoint`` is the model that an earlier run of the trial left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightgbm.callback import EarlyStopException

from ._progress import BoostingState

if TYPE_CHECKING:
    from ._progress import AnyTrial


class TrimtabCallback(BoostingState):
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
        super().__init__("model.txt", trial, metric, name, every)

    def __call__(self, environment: Any) -> None:
        results = environment.evaluation_result_list or []
        # (data, metric, value, whether higher is better), and from cross-validation the deviation.
        metrics = {f"{result[0]}-{result[1]}": result[2] for result in results}
        rounds = environment.iteration + 1
        if not self._counts(rounds):
            return
        if hasattr(environment.model, "save_model"):
            self._save(lambda path: environment.model.save_model(str(path)))
        if self._progress.report(rounds, metrics):
            raise EarlyStopException(environment.iteration, results)

    def finish(self) -> None:
        """Report the result in a study without fidelity: LightGBM does not tell callbacks of the end."""
        self._progress.finish()


__all__ = ["TrimtabCallback"]
