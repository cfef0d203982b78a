"""Logging to MLflow and TensorBoard, each read back by its own library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import trimtab as tt

pytestmark = pytest.mark.heavy


def objective(trial: tt.Trial) -> float:
    x = trial.suggest_float("größe (m)", 0, 1)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    if trial.number == 3:
        raise OSError("disk")
    trial.set_user_attr("commit", "1a2b")
    loss = 0.0
    for epoch in (1, 2, 3):
        loss = x + (kind == "a") + 1 / epoch
        trial.report(loss, epoch)
        if trial.should_prune():
            raise tt.TrialPruned
    return loss


@pytest.fixture
def study() -> tt.Study:
    return tt.create_study(study_name="logged", fidelity=tt.Fidelity("epoch", max=3), seed=1)


def test_mlflow_has_a_run_for_each_trial(study: tt.Study, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    from trimtab.mlflow import MLflowLogger

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    logger = MLflowLogger(uri)
    study.optimize(objective, n_trials=6, callbacks=[logger], catch=OSError)
    client = mlflow.tracking.MlflowClient(uri)
    experiment = client.get_experiment_by_name("logged")
    runs = {run.data.tags["trimtab.trial"]: run for run in client.search_runs([experiment.experiment_id])}
    assert len(runs) == 6
    trial = study.best_trial
    run = runs[str(trial.number)]
    assert float(run.data.params["größe _28m_29"]) == trial.params["größe (m)"]
    assert run.data.metrics["value"] == trial.value
    assert [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, "value")][:3] == [
        (int(step), value) for step, value in trial.intermediate_values.items()]
    assert run.data.tags["trimtab.attribute.commit"] == "1a2b"
    assert runs["3"].info.status == "FAILED" and run.info.status == "FINISHED"
    # Another logger finds them, and adds what is missing.
    assert MLflowLogger(uri).log(study) == 0
    study.optimize(objective, n_trials=2)
    assert MLflowLogger(uri).log(study) == 2
    assert len(client.search_runs([experiment.experiment_id])) == 8


def test_tensorboard_has_a_session_for_each_trial(study: tt.Study, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.plugins.hparams import metadata

    from trimtab.tensorboard import TensorBoardLogger

    study.optimize(objective, n_trials=6, callbacks=[TensorBoardLogger(tmp_path)], catch=OSError)
    assert TensorBoardLogger(tmp_path).log(study) == 0

    def events(folder: Path) -> list[Any]:
        return [event for path in sorted(folder.glob("events*")) for event in EventFileLoader(str(path)).Load()]

    def plugin(event: Any) -> bool:
        return any(value.metadata.plugin_data.plugin_name == "hparams" for value in event.summary.value)

    described = [event for event in events(tmp_path) if plugin(event)]
    experiment = metadata.parse_experiment_plugin_data(
        described[-1].summary.value[0].metadata.plugin_data.content)
    assert [info.name for info in experiment.hparam_infos] == ["größe (m)", "kind"]
    assert list(experiment.hparam_infos[1].domain_discrete) == ["a", "b"]
    trial = study.best_trial
    written = events(tmp_path / f"trial-{trial.number:06d}")
    start = next(event for event in written if plugin(event))
    values = metadata.parse_session_start_info_plugin_data(
        start.summary.value[0].metadata.plugin_data.content).hparams
    assert values["größe (m)"].number_value == trial.params["größe (m)"]
    scalars = [event for event in written if event.summary.value and event.summary.value[0].tag == "value"]
    assert scalars[-1].step == 3
    assert len(list(tmp_path.glob("trial-*"))) == 6
