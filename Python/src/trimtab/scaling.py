"""What `trimtab scale multipliers` exports, applied to a PyTorch module.

    from trimtab.scaling import Multipliers

    multipliers = Multipliers.load("complete-p.json")
    multipliers.scale_initial_weights(model)            # the base model's initialisation, scaled in place
    optimizer = torch.optim.AdamW(multipliers.parameter_groups(model, lr=1e-2, weight_decay=0.1, eps=1e-12))

Learning rate, weight decay and epsilon are the base model's. Schedulers must multiply each group's rate, not replace
it. The forward pass is the model's own: ``forward``, ``residual_branch`` and ``attention_scale`` say by what its
outputs, the output of its residual branches and q·k are multiplied.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

_FORMAT = "trimtab-multipliers/1"

# The first that matches a tensor's name counts.
_TRANSFORMER = [
    ("unembedding", r"(^|\.)(lm_head|unembed\w*|head|output_layer|classifier)\.weight$"),
    ("embedding", r"(^|\.)(\w*emb|\w*embed\w*|wte|wpe)(\.weight)?$"),
    (
        "final_norm",
        r"(^|\.)(ln_f|norm_f|final_\w*norm|final_ln)\.(weight|bias)$|^((model|transformer)\.)?norm\.(weight|bias)$",
    ),
    ("qk_norm", r"(^|\.)([qk]_?(layer)?norm|[qk]_ln|(query|key)_(layer)?norm)\.(weight|bias)$"),
    ("norm", r"(norm\w*|(^|\.)ln\w*)\.(weight|bias)$"),
    ("bias", r"bias$"),
    ("attention_out", r"(attn|attention)\w*\.(c_proj|proj|dense|wo|o)\.weight$|(^|\.)(o_proj|out_proj|wo)\.weight$"),
    (
        "attention_in",
        r"(^|\.)([qkv]_proj|c_attn|qkv|qkv_proj|w[qkv]|[qkv]|query|key|value|in_proj)\.weight$|in_proj_weight$",
    ),
    (
        "feed_forward_out",
        r"(mlp|ffn|feed_forward)\.(c_proj|proj|wo)\.weight$|(^|\.)(down_proj|fc2|w2|linear2)\.weight$",
    ),
    ("feed_forward_in", r"(^|\.)(c_fc|up_proj|gate_proj|gate_up_proj|fc1|w1|w3|linear1)\.weight$"),
]


@dataclass(frozen=True)
class Group:
    """The multipliers of one kind of tensors."""

    name: str
    role: str
    in_block: bool
    ratio: float
    init_std: float
    forward: float
    learning_rate: float
    weight_decay: float
    epsilon: float


class Multipliers:
    """The multipliers of a model's layers, from a base shape to a target shape."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        found = document.get("format")
        if found != _FORMAT:
            raise ValueError(
                f"the multipliers have the format {found!r}, not {_FORMAT!r}: "
                "export them with 'trimtab scale multipliers'"
            )
        self.parameterisation: str = document["parameterisation"]
        self.optimizer: str = document["optimizer"]
        self.model: str = document["model"]
        self.is_absolute: bool = document["convention"] == "absolute"
        self.base: dict[str, int] = dict(document["base"])
        self.target: dict[str, int] = dict(document["target"])
        #: What the output of each residual branch is multiplied by.
        self.residual_branch: float = document["residual_branch"]
        #: What q·k is multiplied by, in place of 1/sqrt(head size); None without attention.
        self.attention_scale: float | None = document.get("attention_scale")
        #: 1 - beta of Adam is multiplied by this; None where batch and tokens stay.
        self.momentum_ratio: float | None = document.get("momentum_ratio")
        self.warnings: list[str] = list(document["warnings"])
        self.groups: dict[str, Group] = {
            row["group"]: Group(
                name=row["group"],
                role=row["role"],
                in_block=row["in_block"],
                ratio=row["ratio"],
                init_std=row["init_std"],
                forward=row["forward"],
                learning_rate=row["learning_rate"],
                weight_decay=row["weight_decay"],
                epsilon=row["epsilon"],
            )
            for row in document["groups"]
        }

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Multipliers:
        """Read what ``trimtab scale multipliers --output path`` wrote."""
        with open(path, encoding="utf-8") as file:
            try:
                document = json.load(file)
            except json.JSONDecodeError as error:
                raise ValueError(f"{os.fspath(path)}: no JSON: {error}") from None
        if not isinstance(document, dict):
            raise ValueError(f"{os.fspath(path)}: not what 'trimtab scale multipliers' writes")
        return cls(document)

    def forward(self, group: str) -> float:
        """What the outputs of the group's layers are multiplied by, such as the logits of 'unembedding'."""
        return self._group(group).forward

    def beta(self, base: float) -> float:
        """Adam's decay rate at the target, from the base model's."""
        return base if self.momentum_ratio is None else 1 - (1 - base) * self.momentum_ratio

    def match(
        self, model: Any, patterns: Mapping[str, str | Sequence[str]] | None = None
    ) -> dict[str, list[tuple[str, Any]]]:
        """The trainable tensors of each group, by name.

        - patterns: regular expressions by group, searched in the tensors' names before the usual names are. The group
          ``frozen`` takes tensors that are to be left out.

        Raises ``ValueError`` for a tensor that no pattern or several patterns of yours match, and for one whose shape
        is not the target's.
        """
        own = [
            (group, re.compile(text))
            for group, texts in (patterns or {}).items()
            for text in ([texts] if isinstance(texts, str) else texts)
        ]
        for group, _ in own:
            if group != "frozen":
                self._group(group)
        tensors = [(name, tensor) for name, tensor in model.named_parameters() if tensor.requires_grad]
        usual = self._usual(tensors)
        found: dict[str, list[tuple[str, Any]]] = {}
        for name, tensor in tensors:
            named = sorted({group for group, pattern in own if pattern.search(name)})
            if len(named) > 1:
                both = " and ".join(named)
                raise ValueError(f"{name} is matched by the patterns of {both}: make one of them narrower")
            group_name = named[0] if named else usual.get(name)
            if group_name is None:
                example = {_example(self): re.escape(name) + "$"}
                raise ValueError(f"{name} has no name that is known: say what it is, as in patterns={example}")
            if group_name == "frozen":
                continue
            self._check_shape(name, tensor, self._group(group_name))
            found.setdefault(group_name, []).append((name, tensor))
        return found

    def parameter_groups(
        self,
        model: Any,
        *,
        lr: float,
        weight_decay: float = 0.0,
        eps: float | None = None,
        betas: tuple[float, float] | None = None,
        gains: Mapping[str, float] | None = None,
        patterns: Mapping[str, str | Sequence[str]] | None = None,
    ) -> list[dict[str, Any]]:
        """Parameter groups for an optimizer of PyTorch's, one a kind of tensors; see ``match`` for ``patterns``.

        - lr, weight_decay, eps, betas: the base model's. What is None is left to the optimizer.
        - gains: tuned factors of the learning rate by role: input, hidden, output, norm and bias.

        Each group also holds its ``name`` and ``role``, by which hidden matrices can be told apart for Muon.
        """
        for role in gains or {}:
            if role not in {group.role for group in self.groups.values()}:
                raise ValueError(f"gains: there is no role {role!r}; there are input, hidden, output, norm and bias")
        result = []
        for name, tensors in self.match(model, patterns).items():
            group = self.groups[name]
            entry: dict[str, Any] = {
                "params": [tensor for _, tensor in tensors],
                "lr": lr * group.learning_rate * (gains or {}).get(group.role, 1.0),
                "weight_decay": weight_decay * group.weight_decay,
                "name": name,
                "role": group.role,
            }
            if eps is not None:
                entry["eps"] = eps * group.epsilon
            if betas is not None:
                entry["betas"] = (self.beta(betas[0]), self.beta(betas[1]))
            result.append(entry)
        return result

    def scale_initial_weights(
        self, model: Any, patterns: Mapping[str, str | Sequence[str]] | None = None
    ) -> None:
        """Multiply the weights in place, which were drawn with the base model's standard deviations. Call it once.

        Raises ``ValueError`` for multipliers that are absolute: draw all weights with standard deviation 1 then.
        """
        if self.is_absolute:
            raise ValueError(
                f"{self.parameterisation} draws all weights with standard deviation 1: there is nothing to scale"
            )
        for name, tensors in self.match(model, patterns).items():
            factor = self.groups[name].init_std
            if factor != 1:
                for _, tensor in tensors:
                    # Of the data, which no gradient follows.
                    tensor.data.mul_(factor)

    def _group(self, name: str) -> Group:
        if name not in self.groups:
            raise ValueError(f"there is no group {name!r}; there are {', '.join(self.groups)}")
        return self.groups[name]

    def _usual(self, tensors: Iterable[tuple[str, Any]]) -> dict[str, str]:
        if self.model == "transformer":
            # Files of earlier versions have no group for the gains of heads, whose norms are then like others.
            usual = [(group, pattern) for group, pattern in _TRANSFORMER if group != "qk_norm" or group in self.groups]
            return {
                name: group
                for name, _ in tensors
                for group in [next((group for group, pattern in usual if re.search(pattern, name)), None)]
                if group is not None
            }
        # A perceptron's matrices have their parts by their order.
        found = {name: "bias" if name.endswith("bias") else "norm" for name, tensor in tensors if len(tensor.shape) < 2}
        matrices = [name for name, tensor in tensors if len(tensor.shape) >= 2]
        for i, name in enumerate(matrices):
            found[name] = "input" if i == 0 else "output" if i == len(matrices) - 1 else "hidden"
        return found

    def _check_shape(self, name: str, tensor: Any, group: Group) -> None:
        if group.role not in ("input", "hidden", "output"):
            return
        shape = tuple(int(size) for size in tensor.shape)
        sizes = [self.target["width"]] + ([self.target["feed_forward"]] if "feed_forward" in self.target else [])
        if not any(size % wanted == 0 for size in shape for wanted in sizes):
            raise ValueError(
                f"{name} has the shape {shape}, and the multipliers are for width {self.target['width']}: "
                "export them for this model's sizes"
            )


def _example(multipliers: Multipliers) -> str:
    return next(name for name, group in multipliers.groups.items() if group.role == "hidden")


class CoordinateLog:
    """Writes what ``trimtab scale check coordinates`` reads: the mean size of modules' outputs at each step.

        log = CoordinateLog("coordinates.csv", width=256, seed=0)
        log.attach(model, ["blocks.0", "head"])
        for step in range(10):
            log.step = step
            train_one_step()
        log.close()

    Rows are added to the file, so that the runs of all widths and seeds can share one.
    """

    def __init__(self, path: str | os.PathLike[str], *, width: int, seed: int) -> None:
        is_new = not os.path.exists(path) or os.path.getsize(path) == 0
        self._file: IO[str] = open(path, "a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file, lineterminator="\n")
        if is_new:
            self._writer.writerow(["width", "seed", "step", "module", "value"])
        self._place = (width, seed)
        self._handles: list[Any] = []
        #: The step that is being trained, from 0 on.
        self.step = 0

    def attach(self, model: Any, names: Sequence[str]) -> None:
        """Record these modules' outputs from now on. Raises ``ValueError`` for a name that the model has not."""
        modules = dict(model.named_modules())
        for name in names:
            if name not in modules:
                raise ValueError(f"the model has no module {name!r}")
            self._handles.append(modules[name].register_forward_hook(self._hook(name)))

    def _hook(self, name: str) -> Any:
        def record(_module: Any, _inputs: Any, output: Any) -> None:
            tensor = output[0] if isinstance(output, tuple) else output
            self._writer.writerow([*self._place, self.step, name, float(tensor.detach().abs().mean())])

        return record

    def close(self) -> None:
        """Stop recording."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._file.close()

    def __enter__(self) -> CoordinateLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
