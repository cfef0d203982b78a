"""Multipliers applied to a module, and the log of its activations."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trimtab._native import native_folder
from trimtab.scaling import CoordinateLog, Multipliers

PROGRAM = os.path.join(native_folder(), "trimtab")


def row(name: str, role: str, **numbers: float) -> dict[str, Any]:
    """A row as `trimtab scale multipliers` writes it."""
    found: dict[str, Any] = {
        "group": name, "role": role, "in_block": True, "ratio": 8, "init_std": 1, "forward": 1, "learning_rate": 1,
        "weight_decay": 1, "epsilon": 1,
    }  # fmt: skip
    return {**found, **numbers}


def document(model: str = "transformer", **changes: Any) -> dict[str, Any]:
    hidden = {"init_std": 0.5, "learning_rate": 0.25, "weight_decay": 4, "epsilon": 0.125}
    groups = (
        [
            row("embedding", "input"),
            row("attention_in", "hidden", **hidden),
            row("attention_out", "hidden", **hidden),
            row("feed_forward_in", "hidden", **hidden),
            row("feed_forward_out", "hidden", **hidden),
            row("bias", "bias", weight_decay=0),
            row("norm", "norm", weight_decay=0),
            row("qk_norm", "norm", weight_decay=0, epsilon=0.5),
            row("final_norm", "norm", weight_decay=0),
            row("unembedding", "output", forward=0.25),
        ]
        if model == "transformer"
        else [
            row("input", "input"),
            row("hidden", "hidden", **hidden),
            row("bias", "bias"),
            row("norm", "norm"),
            row("output", "output", forward=0.25),
        ]
    )
    return {
        "format": "trimtab-multipliers/1", "parameterisation": "complete-p", "optimizer": "adamw", "model": model,
        "convention": "relative", "decay_rule": "linear", "base": {"width": 8, "layers": 2, "feed_forward": 32},
        "target": {"width": 32, "layers": 4, "feed_forward": 128}, "residual_branch": 0.5, "attention_scale": 0.25,
        "groups": groups, "warnings": [], **changes,
    }  # fmt: skip


class Data:
    def __init__(self) -> None:
        self.factor = 1.0

    def mul_(self, factor: float) -> None:
        self.factor *= factor


class Tensor:
    """As much of a parameter as is asked for."""

    def __init__(self, *shape: int, requires_grad: bool = True) -> None:
        self.shape = shape
        self.requires_grad = requires_grad
        self.data = Data()


class Module:
    def __init__(self, **tensors: Tensor) -> None:
        self.tensors = {name.replace("__", "."): tensor for name, tensor in tensors.items()}

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        return list(self.tensors.items())


def gpt() -> Module:
    return Module(
        wte__weight=Tensor(100, 32), wpe__weight=Tensor(16, 32), h__0__ln_1__weight=Tensor(32),
        h__0__attn__c_attn__weight=Tensor(96, 32), h__0__attn__c_attn__bias=Tensor(96),
        h__0__attn__c_proj__weight=Tensor(32, 32), h__0__mlp__c_fc__weight=Tensor(128, 32),
        h__0__mlp__c_proj__weight=Tensor(32, 128), ln_f__weight=Tensor(32), lm_head__weight=Tensor(100, 32),
        h__0__attn__mask=Tensor(16, 16, requires_grad=False),
    )  # fmt: skip


def llama() -> Module:
    layer = "model__layers__0__"
    return Module(
        model__embed_tokens__weight=Tensor(100, 32),
        **{f"{layer}self_attn__{name}_proj__weight": Tensor(32, 32) for name in "qkvo"},
        **{f"{layer}mlp__{name}_proj__weight": Tensor(128, 32) for name in ("gate", "up", "down")},
        **{f"{layer}{name}__weight": Tensor(32) for name in ("input_layernorm", "post_attention_layernorm")},
        model__norm__weight=Tensor(32), lm_head__weight=Tensor(100, 32),
    )  # fmt: skip


@pytest.mark.parametrize("model", [gpt(), llama()])
def test_every_tensor_of_usual_models_has_one_group(model: Module) -> None:
    found = Multipliers(document()).match(model)
    names = [name for tensors in found.values() for name, _ in tensors]
    assert sorted(names) == sorted(name for name, tensor in model.named_parameters() if tensor.requires_grad)
    assert {"embedding", "attention_in", "attention_out", "feed_forward_in", "feed_forward_out"} <= set(found)
    assert [name for name, _ in found["unembedding"]] == ["lm_head.weight"]
    assert len(found["final_norm"]) == 1


def test_gains_of_heads_are_told_from_other_norms_where_the_file_knows_them() -> None:
    model = Module(
        layers__0__self_attn__q_norm__weight=Tensor(8), layers__0__self_attn__k_norm__weight=Tensor(8),
        layers__0__input_layernorm__weight=Tensor(32),
    )  # fmt: skip
    found = Multipliers(document()).match(model)
    assert [name for name, _ in found["qk_norm"]] == [
        "layers.0.self_attn.q_norm.weight", "layers.0.self_attn.k_norm.weight",
    ]  # fmt: skip
    assert len(found["norm"]) == 1
    earlier = document()
    earlier["groups"] = [entry for entry in earlier["groups"] if entry["group"] != "qk_norm"]
    assert len(Multipliers(earlier).match(model)["norm"]) == 3


def test_groups_have_the_scaled_settings() -> None:
    groups = Multipliers(document()).parameter_groups(
        gpt(), lr=0.01, weight_decay=0.1, eps=1e-8, betas=(0.9, 0.95), gains={"output": 2}
    )
    found = {group["name"]: group for group in groups}
    hidden = found["attention_in"]
    assert hidden["lr"] == pytest.approx(0.0025)
    assert hidden["weight_decay"] == pytest.approx(0.4)
    assert hidden["eps"] == pytest.approx(1.25e-9)
    assert hidden["betas"] == (0.9, 0.95)
    assert hidden["role"] == "hidden"
    assert found["unembedding"]["lr"] == pytest.approx(0.02)
    assert found["norm"]["weight_decay"] == 0
    assert "eps" not in Multipliers(document()).parameter_groups(gpt(), lr=1)[0]


def test_adams_decays_follow_batch_and_tokens() -> None:
    multipliers = Multipliers(document(momentum_ratio=0.25))
    assert multipliers.beta(0.9) == pytest.approx(0.975)
    assert multipliers.parameter_groups(gpt(), lr=1, betas=(0.9, 0.95))[0]["betas"] == pytest.approx((0.975, 0.9875))


def test_initial_weights_are_scaled_in_place() -> None:
    model = gpt()
    Multipliers(document()).scale_initial_weights(model)
    assert model.tensors["h.0.attn.c_attn.weight"].data.factor == 0.5
    assert model.tensors["wte.weight"].data.factor == 1
    with pytest.raises(ValueError, match="standard deviation 1"):
        Multipliers(document(convention="absolute")).scale_initial_weights(model)


def test_a_perceptrons_matrices_are_told_apart_by_their_order() -> None:
    model = Module(
        **{"0__weight": Tensor(32, 64), "0__bias": Tensor(32), "2__weight": Tensor(32, 32), "4__weight": Tensor(10, 32)}
    )
    found = Multipliers(document("mlp", target={"width": 32, "layers": 1})).match(model)
    assert {group: [name for name, _ in tensors] for group, tensors in found.items()} == {
        "input": ["0.weight"], "bias": ["0.bias"], "hidden": ["2.weight"], "output": ["4.weight"],
    }  # fmt: skip


def test_what_cannot_be_placed_is_named() -> None:
    multipliers = Multipliers(document())
    odd = Module(mystery=Tensor(32, 32))
    with pytest.raises(ValueError, match="mystery has no name that is known"):
        multipliers.match(odd)
    assert list(multipliers.match(odd, {"attention_in": "mystery"})) == ["attention_in"]
    assert multipliers.match(odd, {"frozen": "mystery"}) == {}
    with pytest.raises(ValueError, match="attention_in and embedding"):
        multipliers.match(odd, {"attention_in": "myst", "embedding": ["ery"]})
    with pytest.raises(ValueError, match="there is no group 'attn'"):
        multipliers.match(odd, {"attn": "mystery"})
    with pytest.raises(ValueError, match="for width 32"):
        multipliers.match(Module(lm_head__weight=Tensor(100, 48)))
    with pytest.raises(ValueError, match="no role 'head'"):
        multipliers.parameter_groups(gpt(), lr=1, gains={"head": 2})


def test_only_what_was_exported_is_read(tmp_path: Path) -> None:
    path = tmp_path / "multipliers.json"
    path.write_text(json.dumps(document()))
    assert Multipliers.load(path).forward("unembedding") == 0.25
    path.write_text("{")
    with pytest.raises(ValueError, match="no JSON"):
        Multipliers.load(path)
    path.write_text("[]")
    with pytest.raises(ValueError, match="not what"):
        Multipliers.load(path)
    with pytest.raises(ValueError, match="trimtab scale multipliers"):
        Multipliers({"format": "other"})


class Mean:
    def __init__(self, value: float) -> None:
        self.value = value

    def detach(self) -> Mean:
        return self

    def abs(self) -> Mean:
        return Mean(abs(self.value))

    def mean(self) -> float:
        return self.value


class Hooked:
    """A module that calls its hooks."""

    def __init__(self) -> None:
        self.hooks: list[Any] = []

    def named_modules(self) -> list[tuple[str, Any]]:
        return [("", self), ("block", self)]

    def register_forward_hook(self, hook: Any) -> Any:
        self.hooks.append(hook)
        hooks = self.hooks

        class Handle:
            def remove(self) -> None:
                hooks.remove(hook)

        return Handle()


def test_activations_of_all_widths_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "coordinates.csv"
    for width in (8, 16):
        model = Hooked()
        with CoordinateLog(path, width=width, seed=1) as log:
            log.attach(model, ["block"])
            for log.step in range(2):
                model.hooks[0](model, (), (Mean(-0.5), None))
            with pytest.raises(ValueError, match="no module 'head'"):
                log.attach(model, ["head"])
        assert model.hooks == []
    lines = path.read_text().splitlines()
    assert lines[0] == "width,seed,step,module,value"
    assert lines[1:] == ["8,1,0,block,0.5", "8,1,1,block,0.5", "16,1,0,block,0.5", "16,1,1,block,0.5"]


def test_an_optimizer_of_pytorch_takes_the_groups() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")
    model = torch.nn.Sequential(
        torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
    )
    multipliers = Multipliers(document("mlp", target={"width": 32, "layers": 1}))
    before = model[2].weight.detach().std().item()
    multipliers.scale_initial_weights(model)
    assert model[2].weight.detach().std().item() == pytest.approx(0.5 * before, rel=1e-5)
    optimizer = torch.optim.AdamW(multipliers.parameter_groups(model, lr=0.01, weight_decay=0.1, eps=1e-8))
    rates = {group["name"]: group["lr"] for group in optimizer.param_groups}
    assert rates == pytest.approx({"input": 0.01, "bias": 0.01, "hidden": 0.0025, "output": 0.01})
    model(torch.randn(4, 64)).sum().backward()
    optimizer.step()


def test_a_network_of_pytorch_passes_the_coordinate_check_under_mup_alone(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")
    inputs = torch.randn(64, 32, generator=torch.Generator().manual_seed(9))
    targets = (2 * inputs[:, :1]).sin()

    class Head(torch.nn.Linear):  # type: ignore[misc, name-defined]
        factor = 1.0

        def forward(self, values: Any) -> Any:
            return self.factor * super().forward(values)

    def multipliers(name: str, width: int) -> Multipliers:
        path = tmp_path / f"{name}-{width}.json"
        command = [PROGRAM, "scale", "multipliers", "--model=mlp", "--optimizer=adamw", "--parameterisation", name]
        shape = ["--base-width", "64", "--base-layers", "1", "--width", str(width), "--layers", "1"]
        subprocess.run([*command, *shape, "--output", str(path)], check=True, capture_output=True)
        return Multipliers.load(path)

    def train(factors: Multipliers, width: int, seed: int, path: Path) -> None:
        torch.manual_seed(seed)
        linear = torch.nn.Linear
        model = torch.nn.Sequential(
            linear(32, width), torch.nn.ReLU(), linear(width, width), torch.nn.ReLU(), Head(width, 1)
        )
        # With the base model's standard deviations, whatever the width.
        for layer, fan in ((model[0], 32), (model[2], 64), (model[4], 64)):
            torch.nn.init.normal_(layer.weight, std=fan**-0.5)
            torch.nn.init.zeros_(layer.bias)
        factors.scale_initial_weights(model)
        model[4].factor = factors.forward("output")
        optimizer = torch.optim.AdamW(factors.parameter_groups(model, lr=0.01, eps=1e-8))
        with CoordinateLog(path, width=width, seed=seed) as log:
            log.attach(model, ["0", "2", "4"])
            for log.step in range(4):
                loss = ((model(inputs) - targets) ** 2).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    for name in ("sp", "mup"):
        for width in (64, 128, 256, 512):
            factors = multipliers(name, width)
            for seed in range(1, 4):
                train(factors, width, seed, tmp_path / f"{name}.csv")
    words = [PROGRAM, "scale", "check", "coordinates", str(tmp_path / "mup.csv"), "--first-step", "1"]
    found = subprocess.run([*words, "--control", str(tmp_path / "sp.csv")], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    words[4] = str(tmp_path / "sp.csv")
    assert subprocess.run(words, capture_output=True).returncode == 4
