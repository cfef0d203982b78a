"""The loop for PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trials import Recorded

import trimtab as tt
from trimtab.torch import Loop


class Part:
    """A model without PyTorch."""

    def __init__(self) -> None:
        self.weight = 8.0

    def state_dict(self) -> dict[str, float]:
        return {"weight": self.weight}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.weight = state["weight"]


def run(loop: Loop, part: Any) -> list[int]:
    epochs = []
    for epoch in loop:
        part.weight /= 2
        loop.report(loss=part.weight)
        epochs.append(epoch)
    return epochs


def test_it_counts_to_its_end_outside_of_a_study() -> None:
    part = Part()
    loop = Loop(4, model=part)
    assert run(loop, part) == [1, 2, 3, 4]
    assert loop.value == 0.5


def test_an_objective_is_pruned_by_its_reports() -> None:
    study = tt.create_study(fidelity=tt.Fidelity("epoch", max=9), direction="maximize", seed=1)

    def objective(trial: tt.Trial) -> float:
        trial.suggest_float("x", 0, 1)
        loop = Loop(9, metric="score", trial=trial)
        for epoch in loop:
            loop.report(score=epoch - trial.number, extra=1)
        assert loop.value is not None
        return loop.value

    study.optimize(objective, n_trials=5)
    assert [trial.state.name for trial in study.trials].count("PRUNED") >= 3


def test_parts_must_have_a_state() -> None:
    with pytest.raises(TypeError, match="model has no state_dict"):
        Loop(3, model=object())


@pytest.mark.heavy
def test_a_loop_that_goes_on_is_the_loop_that_never_stopped(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    def train(trial: Any) -> Any:
        torch.manual_seed(1)
        model = torch.nn.Linear(3, 1)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        loop = Loop(6, metric="loss", trial=trial, model=model, optimizer=optimizer)
        for _ in loop:
            batch = torch.randn(16, 3)
            loss = ((model(batch) - batch.sum(1, keepdim=True)) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loop.report(loss=loss.item(), accuracy=0.5)
        return model.weight.detach().clone()

    (tmp_path / "straight").mkdir()
    (tmp_path / "paused").mkdir()
    straight = Recorded(tmp_path / "straight", resource=6)
    expected = train(straight)
    first = Recorded(tmp_path / "paused", resource=2)
    train(first)
    reports = first.reports
    second = Recorded(tmp_path / "paused", resource=6, reached=2)
    assert torch.equal(train(second), expected)
    assert reports + second.reports == straight.reports
    with pytest.raises(ValueError, match="holds model, optimizer, and the loop has model"):
        list(Loop(6, trial=Recorded(tmp_path / "paused", resource=6, reached=2), model=torch.nn.Linear(3, 1)))
