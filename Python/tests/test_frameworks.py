"""The callbacks for Lightning and Transformers, and the search for Ray: by their interfaces, and in the real ones where
these are installed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import stand_ins
from trials import Recorded

import trimtab as tt

HAS_LIGHTNING = stand_ins.lightning()
HAS_TRANSFORMERS = stand_ins.transformers()
HAS_RAY = stand_ins.ray()

import trimtab.lightning  # noqa: E402
import trimtab.ray  # noqa: E402
import trimtab.transformers  # noqa: E402


class Trainer:
    """What the callback uses of Lightning's."""

    def __init__(self, epochs: int, callback: Any, first: int = 0) -> None:
        self.current_epoch = first
        self.should_stop = False
        self.is_global_zero = True
        self.callback_metrics: dict[str, Any] = {}
        self.strategy = SimpleNamespace(reduce_boolean_decision=lambda decision, all: decision)
        for epoch in range(first, epochs):
            self.current_epoch = epoch
            self.callback_metrics = {"valid_loss": 1 / (epoch + 1), "lr": 0.1}
            callback.on_train_epoch_end(self, None)
            if self.should_stop:
                break
        callback.on_fit_end(self, None)

    def save_checkpoint(self, path: Path) -> None:
        path.write_text(str(self.current_epoch + 1))


def test_lightning_reports_each_epoch_up_to_the_resource_and_leaves_a_checkpoint(tmp_path: Path) -> None:
    trial = Recorded(tmp_path, resource=3)
    callback = trimtab.lightning.TrimtabCallback("valid_loss", name="loss", trial=trial)
    assert callback.checkpoint is None
    Trainer(10, callback)
    assert trial.reports == [{"resource": epoch, "loss": 1 / epoch, "lr": 0.1} for epoch in (1, 2, 3)]
    again = trimtab.lightning.TrimtabCallback("valid_loss", trial=Recorded(tmp_path, resource=9, reached=3))
    assert again.checkpoint is not None and Path(again.checkpoint).read_text() == "3"


def test_lightning_in_an_objective_is_pruned_after_the_fit() -> None:
    study = tt.create_study(fidelity=tt.Fidelity("epoch", max=9), seed=1, direction="maximize")

    def objective(trial: tt.Trial) -> float:
        trial.suggest_float("x", 0, 1)
        callback = trimtab.lightning.TrimtabCallback("valid_loss", trial=trial)
        Trainer(9, callback)
        callback.raise_if_pruned()
        assert callback.value is not None
        return callback.value

    study.optimize(objective, n_trials=6)
    assert [trial.state.name for trial in study.trials].count("PRUNED") >= 2


def evaluate(callback: Any, epochs: float, values: dict[str, Any]) -> Any:
    control = SimpleNamespace(should_training_stop=False, should_save=False)
    state = SimpleNamespace(is_world_process_zero=True, epoch=epochs, global_step=int(epochs * 100))
    callback.on_evaluate(None, state, control, metrics=values)
    return control


def test_transformers_reports_evaluations_and_stops_at_the_resource(tmp_path: Path) -> None:
    trial = Recorded(tmp_path, resource=2)
    callback = trimtab.transformers.TrimtabCallback(name="loss", trial=trial)
    assert not evaluate(callback, 0, {"eval_loss": 9.0}).should_training_stop
    assert not evaluate(callback, 1.0, {"eval_loss": 0.5, "eval_note": "x", "epoch": 1.0}).should_training_stop
    control = evaluate(callback, 2.0, {"eval_loss": 0.4})
    assert control.should_training_stop and control.should_save
    assert trial.reports == [{"resource": 1.0, "loss": 0.5}, {"resource": 2.0, "loss": 0.4}]
    steps = Recorded(tmp_path)
    evaluate(trimtab.transformers.TrimtabCallback(by="step", trial=steps), 1.5, {"eval_loss": 0.5})
    assert steps.reports == [{"resource": 150, "eval_loss": 0.5}]
    with pytest.raises(ValueError, match="by is"):
        trimtab.transformers.TrimtabCallback(by="minute")


def test_transformers_reports_the_result_of_a_study_without_fidelity(tmp_path: Path) -> None:
    trial = Recorded(tmp_path, fidelity=None)
    callback = trimtab.transformers.TrimtabCallback(trial=trial)
    for epoch in (1.0, 2.0):
        evaluate(callback, epoch, {"eval_loss": epoch})
    callback.on_train_end(None, SimpleNamespace(is_world_process_zero=True), None)
    assert trial.reports == [{"eval_loss": 2.0}]


def ray_space() -> dict[str, Any]:
    from ray import tune

    return {
        "rate": tune.loguniform(1e-4, 1), "share": tune.quniform(0, 1, 0.25), "layers": tune.randint(1, 4),
        "net": {"act": tune.choice(["relu", None, (1, 2)]), "width": tune.qrandint(16, 64, 16)}, "epochs": 3}


def drive(search: Any, trials: int, first: int = 0) -> list[dict[str, Any]]:
    configs = []
    for number in range(first, first + trials):
        config = search.suggest(f"t{number}")
        configs.append(config)
        search.on_trial_complete(f"t{number}", {"loss": abs(config["rate"] - 0.01)})
    return configs


def test_ray_gets_values_of_its_own_space_and_better_ones_with_time(tmp_path: Path) -> None:
    search = trimtab.ray.TrimtabSearch(seed=1)
    assert search.set_search_properties("loss", "min", ray_space())
    configs = drive(search, 60)
    for config in configs:
        assert 1e-4 <= config["rate"] <= 1 and config["share"] in (0, 0.25, 0.5, 0.75, 1)
        assert config["layers"] in (1, 2, 3) and config["epochs"] == 3
        assert config["net"]["act"] in ("relu", None, (1, 2)) and config["net"]["width"] in (16, 32, 48, 64)
    errors = [abs(config["rate"] - 0.01) for config in configs]
    # By medians: a model that is sure of the best still looks at the edges now and then.
    assert sorted(errors[-20:])[10] < sorted(errors[:20])[10] / 2
    assert not search.set_search_properties("loss", "min", {})
    # Saved and restored, it knows what it knew: it goes on as if nothing had happened.
    search.save(str(tmp_path / "search"))
    restored = trimtab.ray.TrimtabSearch()
    restored.restore(str(tmp_path / "search"))
    assert drive(restored, 10, 60) == drive(search, 10, 60)
    restored.add_evaluated_point(
        {"rate": 0.01, "share": 0.5, "layers": 2, "net": {"act": None, "width": 32}, "epochs": 3}, 0.0)
    assert restored._study.best_value == 0


def test_ray_failures_and_mistakes_are_told() -> None:
    search = trimtab.ray.TrimtabSearch({"x": tt.Float(0, 1)}, metric="loss", mode="max", seed=1)
    assert search.suggest("a").keys() == {"x"}
    search.on_trial_complete("a", error=True)
    search.suggest("b")
    search.on_trial_complete("b", {"loss": float("nan")})
    search.on_trial_complete("unknown", {"loss": 1.0})
    assert [trial.state.name for trial in search._study.trials] == ["FAIL", "FAIL"]
    with pytest.raises(RuntimeError, match="no space"):
        trimtab.ray.TrimtabSearch(metric="loss", mode="min").suggest("a")
    with pytest.raises(RuntimeError, match="metric"):
        trimtab.ray.TrimtabSearch({"x": tt.Float(0, 1)}).suggest("a")
    finite = trimtab.ray.TrimtabSearch({"x": tt.Bool()}, metric="loss", mode="min")
    assert {finite.suggest(name)["x"] for name in "ab"} == {True, False}
    assert finite.suggest("c") is None
    for name in "ab":
        finite.on_trial_complete(name, {"loss": 1.0})
    assert finite.suggest("c") == "FINISHED"


@pytest.mark.heavy
@pytest.mark.skipif(not HAS_RAY, reason="ray is not installed: make python-test-all")
def test_ray_tunes_with_it(tmp_path: Path) -> None:
    import ray
    from ray import tune

    ray.init(num_cpus=2, include_dashboard=False)
    try:
        tuner = tune.Tuner(
            lambda config: {"loss": abs(config["rate"] - 0.01)}, param_space=ray_space(),
            tune_config=tune.TuneConfig(
                search_alg=trimtab.ray.TrimtabSearch(seed=1), metric="loss", mode="min", num_samples=12,
                max_concurrent_trials=2),
            run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0))
        results = tuner.fit()
        assert len(results) == 12 and not results.errors
    finally:
        ray.shutdown()


@pytest.mark.heavy
@pytest.mark.skipif(not HAS_LIGHTNING, reason="lightning is not installed: make python-test-all")
def test_a_real_lightning_fit_is_paused_and_goes_on(tmp_path: Path) -> None:
    try:
        import lightning.pytorch as pl
    except ImportError:
        import pytorch_lightning as pl
    import torch

    class Module(pl.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 1)

        def _loss(self, batch: Any) -> Any:
            return ((self.layer(batch[0]) - batch[1]) ** 2).mean()

        def training_step(self, batch: Any, index: int) -> Any:
            return self._loss(batch)

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("valid_loss", self._loss(batch))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.05)

    torch.manual_seed(1)
    points = torch.randn(64, 3)
    pairs = torch.utils.data.TensorDataset(points, points.sum(1, keepdim=True))
    data = torch.utils.data.DataLoader(pairs, batch_size=16)

    def fit(trial: Any) -> None:
        callback = trimtab.lightning.TrimtabCallback("valid_loss", name="loss", trial=trial)
        trainer = pl.Trainer(
            max_epochs=9, callbacks=[callback], logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, accelerator="cpu")
        trainer.fit(Module(), data, data, ckpt_path=callback.checkpoint)

    first = Recorded(tmp_path, resource=3)
    fit(first)
    assert [report["resource"] for report in first.reports] == [1, 2, 3]
    losses = [report["loss"] for report in first.reports]
    second = Recorded(tmp_path, resource=9, reached=3)
    fit(second)
    assert [report["resource"] for report in second.reports] == [4, 5, 6, 7, 8, 9]
    assert second.reports[0]["loss"] < losses[-1]


@pytest.mark.heavy
@pytest.mark.skipif(not HAS_TRANSFORMERS, reason="transformers is not installed: make python-test-all")
def test_a_real_transformers_trainer_stops_at_the_resource(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("accelerate")
    from transformers import Trainer, TrainingArguments

    class Model(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def forward(self, x: Any, labels: Any) -> Any:
            result = self.layer(x)[:, 0]
            return {"loss": ((result - labels) ** 2).mean(), "logits": result}

    data = [{"x": [float(i % 3), float(i % 5)], "labels": float(i % 3)} for i in range(32)]
    options: Any = {
        "output_dir": str(tmp_path / "out"), "num_train_epochs": 9, "report_to": [], "disable_tqdm": True,
        "per_device_train_batch_size": 8, "save_strategy": "no"}
    try:
        arguments = TrainingArguments(eval_strategy="epoch", **options)
    except TypeError:
        arguments = TrainingArguments(evaluation_strategy="epoch", **options)
    trial = Recorded(tmp_path, resource=3)
    callback = trimtab.transformers.TrimtabCallback(name="loss", trial=trial)
    Trainer(Model(), arguments, train_dataset=data, eval_dataset=data, callbacks=[callback]).train()
    assert [report["resource"] for report in trial.reports] == [1, 2, 3]
