"""A callback for Lightning, under both of its names.

    from trimtab.lightning import TrimtabCallback

    callback = TrimtabCallback("valid_loss", name="loss")
    trainer = Trainer(max_epochs=20, callbacks=[callback])
    trainer.fit(module, data, ckpt_path=callback.checkpoint)

``callback.checkpoint`` is the checkpoint that an earlier run of the trial left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    from pytorch_lightning.callbacks import Callback

from ._progress import Progress, PruningState

if TYPE_CHECKING:
    from ._progress import AnyTrial


class TrimtabCallback(PruningState, Callback):
    """Reports what was logged at the end of each epoch with a validation, and ends the fit when the trial should stop.

    - metric: the objective among the logged metrics.
    - name: under which it is reported, where the study file calls it otherwise.
    - trial: that of an objective; when left out, that of this process. In an objective, ``raise_if_pruned`` after
      ``fit`` raises ``TrialPruned`` for a trial that was pruned.
    """

    _file = "last.ckpt"

    def __init__(self, metric: str, *, name: str | None = None, trial: AnyTrial | None = None) -> None:
        super().__init__()
        self._progress = Progress(trial, metric, name)

    # After the validation and after the training of an epoch, so that a checkpoint stands at the epoch's end.
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        logged = trainer.callback_metrics
        if self._progress.metric not in logged:
            return
        self._save(trainer.save_checkpoint, moves=trainer.is_global_zero)
        stop = trainer.is_global_zero and self._report(trainer.current_epoch + 1, logged)
        if trainer.strategy.reduce_boolean_decision(stop, all=False):
            trainer.should_stop = True

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.is_global_zero:
            self._progress.finish()


__all__ = ["TrimtabCallback"]
