"""A callback for XGBoost.

    from trimtab.xgboost import TrimtabCallback

    callback = TrimtabCallback("valid-logloss", name="loss")
    xgboost.train(params, data, rounds, evals=[(valid, "valid")], callbacks=[callback], xgb_model=callback.checkpoint)

``callback.checkpoint`` is the model that an earlier run of the trial left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xgboost.callback import TrainingCallback

from ._progress import BoostingState

if TYPE_CHECKING:
    from ._progress import AnyTrial


class TrimtabCallback(BoostingState, TrainingCallback):
    """Reports evaluations after each boosting round, and ends the training when the trial should stop.

    - metric: the objective, as XGBoost prints it: ``"valid-rmse"``; may be left out where one value is evaluated.
    - name: under which it is reported, where the study file calls it otherwise.
    - trial: that of an objective; when left out, that of this process.
    - every: how many rounds lie between two reports and checkpoints.

    In an objective, ``TrialPruned`` comes out of the training when the trial is pruned.
    """

    def __init__(
        self, metric: str | None = None, *, name: str | None = None, trial: AnyTrial | None = None, every: int = 1
    ) -> None:
        super().__init__("model.ubj", trial, metric, name, every)

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, dict[str, Any]]) -> bool:
        metrics = {}
        for data, logs in evals_log.items():
            for metric, values in logs.items():
                # Cross-validation gives a mean and a deviation.
                metrics[f"{data}-{metric}"] = values[-1][0] if isinstance(values[-1], tuple) else values[-1]
        # A model that was gone on with counts its earlier rounds, too.
        rounds = model.num_boosted_rounds() if hasattr(model, "num_boosted_rounds") else epoch + 1
        if not self._counts(rounds):
            return False
        if hasattr(model, "save_model"):
            self._save(model.save_model)
        return self._progress.report(rounds, metrics)

    def after_training(self, model: Any) -> Any:
        self._progress.finish()
        return model


__all__ = ["TrimtabCallback"]
