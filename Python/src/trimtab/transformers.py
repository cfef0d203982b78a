"""A callback for the Trainer of Hugging Face's transformers.

    from trimtab.transformers import TrimtabCallback

    trainer = Trainer(model, arguments, …, callbacks=[TrimtabCallback("eval_loss", name="loss")])
    trainer.train(resume_from_checkpoint=…)

``TrainingArguments(output_dir=tt.current_trial().checkpoint_dir)`` puts the Trainer's own checkpoints where they follow
the trial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from ._progress import Progress, PruningState

if TYPE_CHECKING:
    from ._progress import AnyTrial


class TrimtabCallback(PruningState, TrainerCallback):
    """Reports each evaluation, and ends the training when the trial should stop.

    - metric: the objective among the Trainer's metrics.
    - name: under which it is reported, where the study file calls it otherwise.
    - by: ``"epoch"``, which may be a fraction, or ``"step"``: what the study's fidelity counts.
    - trial: that of an objective; when left out, that of this process. In an objective, ``raise_if_pruned`` after
      ``train`` raises ``TrialPruned`` for a trial that was pruned.
    """

    def __init__(
        self, metric: str = "eval_loss", *, name: str | None = None, by: str = "epoch", trial: AnyTrial | None = None
    ) -> None:
        if by not in ("epoch", "step"):
            raise ValueError(f"by is 'epoch' or 'step', not {by!r}")
        self._progress = Progress(trial, metric, name)
        self._by = by

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **others: Any) -> None:
        if not state.is_world_process_zero or not metrics:
            return
        step = state.epoch if self._by == "epoch" else state.global_step
        # Evaluated by itself, before or after a training: no step of it.
        if not step:
            return
        numbers = {
            name: value for name, value in metrics.items() if isinstance(value, (int, float)) and name != "epoch"}
        if self._report(step, numbers):
            control.should_training_stop = True
            # A trial that was pruned will not go on.
            if self._pruned is None:
                control.should_save = True

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        if state.is_world_process_zero:
            self._progress.finish()


__all__ = ["TrimtabCallback"]
