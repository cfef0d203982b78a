"""A callback for Lightning, under both of its names.

    from trimtab.lightning import TrimtabCallback

    callback = TrimtabCallback("valid_loss", name="loss")
    trainer = Trainer(max_epochs=20, callbacks=[callback])
    trainer.fit(module, data, ckpt_path=callback.checkpoint)
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    from pytorch_lightning.callbacks import Callback

from ._errors import TrialPruned
from ._progress import Progress, replacing

if TYPE_CHECKING:
    from ._progress import AnyTrial

_FILE = "last.ckpt"


class TrimtabCallback(Callback):
    """Reports what was logged at the end of each epoch with a validation, and ends the fit when the trial should stop.

    - metric: the objective among the logged metrics.
    - name: under which it is reported, where the study file calls it otherwise.
    - trial: that of an objective; when left out, that of this process. In an objective, ``raise_if_pruned`` after
      ``fit`` raises ``TrialPruned`` for a trial that was pruned.
    """

    def __init__(self, metric: str, *, name: str | None = None, trial: AnyTrial | None = None) -> None:
        super().__init__()
        self._progress = Progress(trial, metric, name)
        self._pruned: TrialPruned | None = None

    @property
    def value(self) -> float | None:
        """The objective as it was reported last."""
        return self._progress.value

    @property
    def checkpoint(self) -> str | None:
        """The checkpoint that an earlier run of the trial left, for ``ckpt_path``."""
        path = self._progress.checkpoint(_FILE)
        return None if path is None else str(path)

    # After the validation and after the training of an epoch, so that a checkpoint stands at the epoch's end.
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        logged = trainer.callback_metrics
        if self._progress.metric not in logged:
            return
        folder = self._progress.checkpoint_dir
        if folder is not None:
            path = replacing(folder / _FILE)
            trainer.save_checkpoint(path)
            if trainer.is_global_zero:
                os.replace(path, folder / _FILE)
        stop = False
        if trainer.is_global_zero:
            try:
                stop = self._progress.report(trainer.current_epoch + 1, logged)
            except TrialPruned as pruned:
                self._pruned = pruned
                stop = True
        if trainer.strategy.reduce_boolean_decision(stop, all=False):
            trainer.should_stop = True

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.is_global_zero:
            self._progress.finish()

    def raise_if_pruned(self) -> None:
        """Raise ``TrialPruned`` where the trial was pruned."""
        if self._pruned is not None:
            raise self._pruned


__all__ = ["TrimtabCallback"]
