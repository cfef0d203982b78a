"""Training loops of PyTorch that can be stopped, paused and gone on with.

    from trimtab.torch import Loop

    loop = Loop(10, metric="loss", model=model, optimizer=optimizer)
    for epoch in loop:
        loss = train_one_epoch()
        loop.report(loss=loss, accuracy=evaluate())
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, SupportsFloat

from ._command import CommandTrial
from ._progress import Progress, replacing

if TYPE_CHECKING:
    from ._progress import AnyTrial

_FILE = "loop.pt"


class Loop:
    """Counts epochs from 1 on, saves a checkpoint at each report, and ends when the trial should.

    - epochs: the last epoch, where the trial has nothing to say about it.
    - metric: the objective among what is reported; may be left out where one value is.
    - trial: that of an objective; when left out, that of this process.
    - parts: what a checkpoint holds: models, optimizers, anything with ``state_dict`` and ``load_state_dict``. The
      state of PyTorch's random numbers is kept, too.

    A run that goes on begins after the epoch of its checkpoint, which lies in the trial's ``checkpoint_dir``; outside
    of a study and within an objective, nothing is saved.
    """

    def __init__(
        self, epochs: int, *, metric: str | None = None, trial: AnyTrial | None = None, device: Any = None, **parts: Any
    ) -> None:
        self._progress = Progress(trial, metric)
        self._parts = parts
        self._epochs = epochs
        self._device = device
        self._is_over = False
        #: The epoch that runs, or ran last.
        self.epoch = 0
        for name, part in parts.items():
            if not (hasattr(part, "state_dict") and hasattr(part, "load_state_dict")):
                raise TypeError(f"{name} has no state_dict and load_state_dict: {part!r}")

    @property
    def value(self) -> float | None:
        """The objective as it was reported last."""
        return self._progress.value

    def __iter__(self) -> Iterator[int]:
        trial = self._progress.trial
        last = self._epochs if trial.resource is None else int(trial.resource)
        self._restore()
        while self.epoch < last and not self._is_over:
            self.epoch += 1
            yield self.epoch
        self._progress.finish()

    def report(self, **metrics: SupportsFloat) -> None:
        """Save a checkpoint, and report what the epoch gave. The loop ends here when the trial should stop.

        Raises ``TrialPruned`` in the objective of a study of this process.
        """
        self._save()
        self._is_over = self._progress.report(self.epoch, metrics)

    def _save(self) -> None:
        folder = self._progress.checkpoint_dir
        if folder is None:
            return
        import torch

        state = {name: part.state_dict() for name, part in self._parts.items()}
        path = replacing(folder / _FILE)
        torch.save({"epoch": self.epoch, "random": torch.get_rng_state(), "parts": state}, path)
        os.replace(path, folder / _FILE)

    def _restore(self) -> None:
        path = self._progress.checkpoint(_FILE)
        if path is None or self.epoch:
            return
        import torch

        # Made by this class; the state of the random numbers belongs to the processor.
        saved = torch.load(path, map_location="cpu" if self._device is None else self._device)
        if set(saved["parts"]) != set(self._parts):
            raise ValueError(
                f"the checkpoint {path} holds {', '.join(saved['parts'])}, and the loop has {', '.join(self._parts)}")
        for name, part in self._parts.items():
            part.load_state_dict(saved["parts"][name])
        torch.set_rng_state(saved["random"].cpu())
        self.epoch = saved["epoch"]
        trial = self._progress.trial
        if isinstance(trial, CommandTrial) and self.epoch < trial.reached:
            raise ValueError(f"the checkpoint {path} is of epoch {self.epoch}, and {trial.reached} was reached")


__all__ = ["Loop"]
