"""tt.current_trial() inside of real trials of ``trimtab tune``, and outside of any."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import trimtab as tt
from trimtab._command import CommandTrial
from trimtab._native import native_folder

SOURCES = str(Path(tt.__file__).parent.parent)
ENVIRONMENT = {**os.environ, "PYTHONPATH": SOURCES}
PROGRAM = os.path.join(native_folder(), "trimtab")


def write(folder: Path, study: str, program: str) -> None:
    (folder / "study.yaml").write_text(textwrap.dedent(study).replace("PYTHON", sys.executable))
    (folder / "train.py").write_text(textwrap.dedent(program))


def tune(folder: Path, study: str, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Tunes a Python program in a folder."""
    write(folder, study, program)
    return subprocess.run(
        [PROGRAM, "tune", "study.yaml", *arguments], cwd=folder, text=True,
        capture_output=True, env=ENVIRONMENT, timeout=120)


def test_a_program_learns_which_checkpoints_to_begin_from_and_to_be_taught_by() -> None:
    alone = CommandTrial({})
    assert alone.student_checkpoint is None and alone.teacher_checkpoint is None
    trial = CommandTrial({
        "TRIMTAB_REPORT": "/r", "TRIMTAB_STUDENT_CHECKPOINT": "/s/000003/checkpoint",
        "TRIMTAB_TEACHER_CHECKPOINT": "/s/000005/checkpoint"})
    assert trial.student_checkpoint == Path("/s/000003/checkpoint")
    assert trial.teacher_checkpoint == Path("/s/000005/checkpoint")


def test_a_program_learns_its_parameters_and_reports_up_to_its_resource(tmp_path: Path) -> None:
    done = tune(
        tmp_path,
        """
        study: s
        objective: {metric: loss, goal: minimize}
        fidelity: {name: epoch, min: 1, max: 9}
        method: {sampler: random, scheduler: asha}
        budget: {trials: 8}
        seed: 3
        command: [PYTHON, train.py]
        space:
          x: {type: float, low: 0, high: 1}
          kind: {type: categorical, choices: [a, None]}
          layers: {type: integer, low: 1, high: 3, when: kind == a}
        """,
        """
        import trimtab as tt
        trial = tt.current_trial()
        assert trial.in_study and trial.study_name == "s" and trial.attempt == 1
        assert trial.params["kind"] in ("a", None)
        assert ("layers" in trial.params) == (trial.params["kind"] == "a")
        assert trial.fidelity == "epoch" and trial.seed is not None
        log = trial.checkpoint_dir / "epochs"
        seen = log.read_text().split() if log.exists() else []
        assert len(seen) == trial.reached
        for epoch in trial.steps(100):
            with log.open("a") as file:
                file.write(f"{epoch} ")
            trial.report(epoch, loss=trial.params["x"] + 1 / epoch, accuracy=float("nan"))
            if trial.should_stop():
                break
        """)
    assert done.returncode == 0, done.stdout + done.stderr
    with tt.load_study("s", tmp_path / "study.trimtab") as study:
        trials = study.trials
        assert len(trials) == 8
        assert all(trial.failure is None for trial in trials)
        # Paused trials went on from where they were.
        assert {len(trial.intermediate_values) for trial in trials} >= {1, 3}
        for trial in trials:
            for epoch, loss in trial.intermediate_values.items():
                assert loss == pytest.approx(trial.params["x"] + 1 / epoch)


def test_a_stopped_program_saves_and_ends_by_itself(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        study: s
        objective: {metric: loss, goal: minimize}
        budget: {trials: 1}
        limits: {grace: 20}
        command: [PYTHON, train.py]
        space:
          x: {type: float, low: 0, high: 1}
        """,
        """
        import pathlib, time
        import trimtab as tt
        trial = tt.current_trial()
        assert not trial.should_stop()
        pathlib.Path("ready").touch()
        while not trial.should_stop():
            time.sleep(0.01)
        (trial.checkpoint_dir / "saved").write_text("after SIGTERM")
        """)
    tuner = subprocess.Popen([PROGRAM, "tune", "study.yaml"], cwd=tmp_path, env=ENVIRONMENT)
    while not (tmp_path / "ready").exists():
        assert tuner.poll() is None
        time.sleep(0.01)
    tuner.send_signal(signal.SIGTERM)
    tuner.wait(60)
    assert list(tmp_path.glob("study.trials/s/*/checkpoint/saved"))


@pytest.mark.parametrize("call, state, word", [
    ("trial.reject('too wide')", "FAIL", "rejected"), ("trial.fail('no data')", "FAIL", "crash"),
    ("trial.report(loss=float('inf'))", "FAIL", "invalidValue"), ("trial.report(1, loss=2)", "FAIL", "crash"),
    ("trial.report(loss=True)", "COMPLETE", None),
])
def test_what_a_program_says_is_what_is_recorded(tmp_path: Path, call: str, state: str, word: str | None) -> None:
    tune(
        tmp_path,
        """
        study: s
        objective: {metric: loss, goal: minimize}
        budget: {trials: 1}
        retries: {failed: 0}
        command: [PYTHON, train.py]
        space:
          x: {type: float, low: 0, high: 1}
        """,
        f"""
        import trimtab as tt
        trial = tt.current_trial()
        {call}
        """)
    with tt.load_study("s", tmp_path / "study.trimtab") as study:
        trial = study.trials[0]
        assert (trial.state.name, trial.failure) == (state, word)


def test_nothing_happens_outside_of_a_study() -> None:
    trial = CommandTrial({})
    assert (trial.in_study, trial.number, trial.params, trial.checkpoint_dir) == (False, None, {}, None)
    assert (trial.resource, trial.reached, list(trial.steps(2))) == (None, 0, [1, 2])
    trial.report(3, loss=1)
    trial.report(loss=1)
    trial.reject("why")
    assert not trial.should_stop()
    assert repr(trial) == "CommandTrial(outside of a study)"
    for wrong in (None, "0.5", [1.0]):
        with pytest.raises(TypeError, match="loss must be a number"):
            trial.report(loss=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no metric"):
        trial.report(3)


def test_the_engine_is_not_loaded_for_a_report() -> None:
    code = "import sys, trimtab; trimtab.current_trial().report(loss=1); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-S", "-c", code], env=ENVIRONMENT, text=True, capture_output=True,
        check=True).stdout.split()
    assert "trimtab._command" in modules
    assert not {"trimtab._native", "trimtab._engine", "ctypes", "sqlite3", "pathlib"} & set(modules)


def test_lines_go_to_a_pipe_as_a_whole_and_without_a_tuner_an_error_says_so(tmp_path: Path) -> None:
    path = str(tmp_path / "report")
    os.mkfifo(path)
    trial = CommandTrial({"TRIMTAB_REPORT": path, "TRIMTAB_FIDELITY": "epoch"})
    with pytest.raises(tt.TrimtabError, match="the tuner does not run"):
        trial.report(1, loss=0.5)
    lines: list[str] = []

    def read() -> None:
        with open(path) as file:
            lines.extend(file)

    reader = threading.Thread(target=read)
    reader.start()
    holder = os.open(path, os.O_WRONLY)
    for step in range(1, 3001):
        trial.report(step, loss=float("-inf"), **{"größe": step})
    os.close(holder)
    reader.join(30)
    assert [json.loads(line)["resource"] for line in lines] == list(range(1, 3001))
    assert json.loads(lines[-1]) == {"resource": 3000, "loss": "-inf", "größe": 3000}
    with pytest.raises(ValueError, match="longer than"):
        trial.report(1, **{"x" * 5000: 1})


@pytest.mark.parametrize("name, text", [("TRIMTAB_RESOURCE", "ten"), ("TRIMTAB_TRIAL", "-1"), ("TRIMTAB_SEED", "1.5")])
def test_a_broken_environment_is_named(name: str, text: str) -> None:
    with pytest.raises(tt.TrimtabError, match=name):
        CommandTrial({"TRIMTAB_REPORT": "/dev/null", name: text})
    with pytest.raises(tt.TrimtabError, match="TRIMTAB_CONFIG"):
        CommandTrial({"TRIMTAB_REPORT": "/dev/null", "TRIMTAB_CONFIG": "/nowhere"}).params  # noqa: B018
