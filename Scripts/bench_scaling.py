#!/usr/bin/env python3
"""Trains small networks on handwritten digits at several widths and depths, to check what the scaling advisor promises.

Under the standard parameterisation the best learning rate falls as the width or the depth grows; under muP it stays as
the width grows, under CompleteP as the depth does. A power law fitted to the smaller networks of the standard
parameterisation predicts the best rate of the largest.

What is demanded, of 95 % intervals from resampled seeds:
- under muP and CompleteP every size's best rate lies within one factor of the grid (2) of the smallest size's;
- under the standard parameterisation that of the largest size lies beyond it;
- the law misses the best rate of the largest by less than that factor.
An interval that lies partly within is called unresolved, and is no success either.
What the transferred rate costs in loss is measured and printed, and is part of the verdict of 'scale check transfer'.

usage: bench_scaling.py --trimtab PATH --digits PATH --data PATH --output FOLDER [--quick]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Factors of two.
RATES = [2.0**-k for k in range(3, 12)]
FACTOR = 2.0


@dataclass
class Study:
    """A way to grow the network, and what keeps the rate where it is."""

    size: str
    sizes: list[int]
    transferring: str
    #: The flag that names the smallest size.
    base: str
    #: How the time of a run grows with the size.
    power: int
    flags: list[str] = field(default_factory=list)
    #: Of the largest network that transfers: what stays has to be known better than what drifts.
    seeds: int = 20

    def seeds_of(self, size: int, *, is_transferring: bool, limit: int) -> int:
        """Smaller networks that transfer get as many seeds as the largest one's time pays for, up to a limit."""
        if not is_transferring:
            return min(20, limit)
        return min(limit, self.seeds * (self.sizes[-1] // size) ** self.power)


FULL = [
    Study("width", [64, 128, 256, 512], "mup", "base_width", 2, ["--layers=3"], seeds=40),
    Study("layers", [2, 4, 8, 16, 32], "complete-p", "base_layers", 1, ["--architecture=residual", "--width=64"]),
]
QUICK = [
    Study("width", [32, 64, 128, 256], "mup", "base_width", 2, ["--layers=3"], seeds=8),
    Study("layers", [2, 4, 8, 16], "complete-p", "base_layers", 1, ["--architecture=residual", "--width=32"], seeds=4),
]


def loss(arguments: argparse.Namespace, study: Study, base: int | None, size: int, rate: float, seed: int) -> float:
    """The validation loss after two epochs; infinite where it diverged."""
    command = [
        arguments.digits, "--optimizer=adam", "--batch_size=64", f"--{study.size}={size}", f"--learning_rate={rate}",
        f"--seed={seed}", "--epochs=2", f"--data={arguments.data}", *study.flags,
    ]  # fmt: skip
    if base is not None:
        command.append(f"--{study.base}={base}")
    report = Path(arguments.output) / f"run-{study.size}-{base or 0}-{size}-{rate}-{seed}.jsonl"
    report.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
    result = subprocess.run(command, env={**environment, "TRIMTAB_REPORT": str(report)}, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {result.returncode}\n{result.stderr}")
    last = json.loads(report.read_text().splitlines()[-1])
    report.unlink()
    return float(last["loss"])


def sweep(arguments: argparse.Namespace, study: Study, base: int | None, path: Path) -> None:
    def seeds(size: int) -> range:
        limit = (4 if base is None else 16) if arguments.quick else 200
        return range(1, 1 + study.seeds_of(size, is_transferring=base is not None, limit=limit))

    jobs = [(size, rate, seed) for size in study.sizes for rate in RATES for seed in seeds(size)]
    # The largest first, so that the last to end are short.
    jobs.sort(reverse=True)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        losses = list(pool.map(lambda job: loss(arguments, study, base, *job), jobs))
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([study.size, "lr", "seed", "loss"])
        writer.writerows([*job, value] for job, value in sorted(zip(jobs, losses)))


def trimtab(arguments: argparse.Namespace, *words: str) -> tuple[int, dict[str, Any]]:
    result = subprocess.run([arguments.trimtab, *words, "--json"], capture_output=True, text=True)
    if not result.stdout:
        sys.exit(f"trimtab {' '.join(words)}: {result.stderr}")
    return result.returncode, json.loads(result.stdout)


def show(name: str, size: str, found: dict[str, Any]) -> None:
    low, high = found["drift_interval"]
    print(f"{name}: {found['verdict']}; rate proportional to {size}^{found['drift']:.3f} ({low:.3f} to {high:.3f})")
    for item in found["optima"]:
        ratio = item["ratio_interval"]
        print(
            f"  {item['size']:.0f}: best rate {item['learning_rate']:.2e}, {ratio[0]:.2f} to {ratio[1]:.2f} times the "
            f"smallest's, loss {item['best_loss']:.4f}, transferred +{100 * item['transfer_gap']:.2f} %"
        )
    for reason in found["reasons"]:
        print(f"  {reason}")


def law(arguments: argparse.Namespace, study: Study, optima: list[dict[str, Any]], path: Path) -> float:
    """The factor by which a law of all sizes but the largest misses the best rate of that."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([study.size, "rate"])
        writer.writerows([item["size"], item["learning_rate"]] for item in optima[:-1])
    largest = optima[-1]
    _, fit = trimtab(
        arguments, "scale", "fit", str(path), "--law", "power", "--inputs", study.size, "--value", "rate", "--predict",
        f"{study.size}={largest['size']}",
    )  # fmt: skip
    predicted = fit["predictions"][0]["value"]
    factor = max(predicted / largest["learning_rate"], largest["learning_rate"] / predicted)
    print(
        f"law: {fit['formulas'][0]}; predicts {predicted:.2e} at {study.size} {largest['size']:.0f}, measured "
        f"{largest['learning_rate']:.2e} (a factor of {factor:.2f})"
    )
    return factor


def check(arguments: argparse.Namespace, study: Study, folder: Path) -> list[str]:
    """What does not hold, or is not known to."""
    found = {}
    for name, base in (("sp", None), (study.transferring, study.sizes[0])):
        path = folder / f"{study.size}-{name}.csv"
        sweep(arguments, study, base, path)
        figure = str(path.with_suffix(".svg"))
        _, found[name] = trimtab(
            arguments, "scale", "check", "transfer", str(path), "--size", study.size, "--figure", figure
        )
        show(name, study.size, found[name])
    factor = law(arguments, study, found["sp"]["optima"], folder / f"{study.size}-optima.csv")

    failures = []
    low, high = found["sp"]["optima"][-1]["ratio_interval"]
    if high >= 1 / FACTOR:
        failures.append(
            f"UNRESOLVED: sp: the best rate of the largest {study.size} may be {high:.2f} times the smallest's"
        )
    for item in found[study.transferring]["optima"]:
        low, high = item["ratio_interval"]
        if low < 1 / FACTOR or high > FACTOR:
            kind = "FAILED" if high < 1 / FACTOR or low > FACTOR else "UNRESOLVED"
            failures.append(
                f"{kind}: {study.transferring}: the best rate at {study.size} {item['size']:.0f} is {low:.2f} to "
                f"{high:.2f} times the smallest's"
            )
    if not factor < FACTOR:
        failures.append(f"FAILED: the law misses the best rate of the largest {study.size} by a factor of {factor:.2f}")
    return failures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trimtab", required=True)
    parser.add_argument("--digits", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    failures = []
    for study in QUICK if arguments.quick else FULL:
        failures += check(arguments, study, folder)
    print(f"{time.monotonic() - start:.0f} s")
    for failure in failures:
        print(failure)
    if failures:
        sys.exit(1)


main()
