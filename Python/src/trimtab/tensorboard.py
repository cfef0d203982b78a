"""Trials in the HParams view of TensorBoard.

    from trimtab.tensorboard import TensorBoardLogger

    study.optimize(objective, n_trials=50, callbacks=[TensorBoardLogger("runs/digits")])

A study that ``trimtab tune`` ran is written afterwards: ``TensorBoardLogger(folder).log(tt.load_study(…))``. Needs the
package ``tensorboard``, not TensorFlow.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from ._frozen import FrozenTrial, TrialState
from ._space import Bool, Categorical, Constant, Float, Int

if TYPE_CHECKING:
    from ._study import Study


class TensorBoardLogger:
    """Writes an event file for each trial, in a folder of its own, and one that describes the study.

    A callback for ``optimize``; ``log`` takes a whole study. A trial that has its folder already is not written again.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.fspath(folder)
        self._described: Any = None

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        if not trial.state.is_finished():
            return
        self._describe(study)
        path = self._path(trial)
        if not os.path.isdir(path):
            self._write(study, trial, path)

    def log(self, study: Study) -> int:
        """Write all trials that have ended and have no folder yet; returns how many."""
        fresh = [
            trial for trial in study.trials if trial.state.is_finished() and not os.path.isdir(self._path(trial))]
        for trial in fresh:
            self(study, trial)
        return len(fresh)

    def _path(self, trial: FrozenTrial) -> str:
        return os.path.join(self._folder, f"trial-{trial.number:06d}")

    def _describe(self, study: Study) -> None:
        space = study.space
        if self._described == space:
            return
        parameters = [_information(name, parameter) for name, parameter in space.parameters.items()]
        metrics = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=name)) for name in study.metric_names]
        now = time.time()
        experiment = api_pb2.Experiment(
            description=study.study_name, time_created_secs=now, hparam_infos=parameters, metric_infos=metrics)
        # The newest description counts: a space may have grown.
        _events(self._folder, [
            Event(wall_time=now, summary=_summary(metadata.EXPERIMENT_TAG, experiment=experiment))])
        self._described = space

    def _write(self, study: Study, trial: FrozenTrial, path: str) -> None:
        started = trial.datetime_start
        ended = trial.datetime_complete
        end = ended.timestamp() if ended else time.time()
        begin = started.timestamp() if started else end - trial.seconds
        start = plugin_data_pb2.SessionStartInfo(group_name=str(trial.number), start_time_secs=begin)
        for name, value in trial.params.items():
            if isinstance(value, bool):
                start.hparams[name].bool_value = value
            elif isinstance(value, (int, float)):
                start.hparams[name].number_value = value
            else:
                start.hparams[name].string_value = str(value)
        events = [
            Event(wall_time=begin, summary=_summary(metadata.SESSION_START_INFO_TAG, session_start_info=start))]
        names = study.metric_names
        points = [(int(step), names[0], value) for step, value in trial.intermediate_values.items()]
        last = int(trial.last_step or 0)
        final = [(last, name, value) for name, value in zip(names, trial.values or [])]
        points += [point for point in final if point not in points]
        for step, name, value in points:
            scalar = Summary(value=[Summary.Value(tag=name, simple_value=value)])
            events.append(Event(wall_time=end, step=step, summary=scalar))
        failed = trial.state is TrialState.FAIL
        status = api_pb2.Status.STATUS_FAILURE if failed else api_pb2.Status.STATUS_SUCCESS
        ended_info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=end)
        events.append(
            Event(wall_time=end, summary=_summary(metadata.SESSION_END_INFO_TAG, session_end_info=ended_info)))
        _events(path, events)


def _summary(tag: str, **content: Any) -> Any:
    # TensorBoard's own functions for this need TensorFlow.
    described = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(**content))
    return Summary(value=[Summary.Value(tag=tag, metadata=described, tensor=metadata.NULL_TENSOR)])


def _events(folder: str, events: list[Any]) -> None:
    writer = EventFileWriter(folder)
    for event in events:
        writer.add_event(event)
    writer.close()


def _information(name: str, parameter: Any) -> Any:
    information = api_pb2.HParamInfo(name=name)
    if isinstance(parameter, (Float, Int)):
        information.type = api_pb2.DATA_TYPE_FLOAT64
        information.domain_interval.min_value = parameter.low
        information.domain_interval.max_value = parameter.high
    elif isinstance(parameter, Bool):
        information.type = api_pb2.DATA_TYPE_BOOL
    elif isinstance(parameter, (Categorical, Constant)):
        choices: Any = parameter.choices if isinstance(parameter, Categorical) else (parameter.value,)
        if all(isinstance(choice, (int, float)) and not isinstance(choice, bool) for choice in choices):
            information.type = api_pb2.DATA_TYPE_FLOAT64
            information.domain_discrete.extend([float(choice) for choice in choices])
        elif all(isinstance(choice, str) for choice in choices):
            information.type = api_pb2.DATA_TYPE_STRING
            information.domain_discrete.extend(list(choices))
    else:
        information.type = api_pb2.DATA_TYPE_STRING
    return information


__all__ = ["TensorBoardLogger"]
