#!/usr/bin/env python3
"""Trains small networks on handwritten digits at several widths, and checks what the scaling advisor promises.

Under the standard parameterisation the best learning rate falls as the width grows; under muP it stays, and the rate
tuned at the smallest width is as good at the largest. A power law fitted to the smaller widths of the standard
parameterisation predicts the best rate of the largest.

usage: bench_scaling.py --trimtab PATH --digits PATH --output FOLDER [--quick]
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FULL = {"widths": [64, 128, 256, 512], "seeds": list(range(1, 21)), "epochs": 2}
QUICK = {"widths": [32, 64, 128, 256], "seeds": [1, 2, 3, 4], "epochs": 2}
# Factors of two.
RATES = [2.0**-k for k in range(3, 12)]


def loss(arguments: argparse.Namespace, width: int, rate: float, seed: int, epochs: int, base: int | None) -> float:
    """The validation loss at the end of a run; infinite where it diverged."""
    command = [
        arguments.digits, "--optimizer=adam", "--layers=3", "--batch_size=64", f"--width={width}",
        f"--learning_rate={rate}", f"--seed={seed}", f"--epochs={epochs}", f"--data={arguments.data}",
    ]  # fmt: skip
    if base is not None:
        command.append(f"--base_width={base}")
    report = Path(arguments.output) / f"run-{base or 0}-{width}-{rate}-{seed}.jsonl"
    report.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
    result = subprocess.run(command, env={**environment, "TRIMTAB_REPORT": str(report)}, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {result.returncode}\n{result.stderr}")
    last = json.loads(report.read_text().splitlines()[-1])
    report.unlink()
    return float(last["loss"])


def sweep(arguments: argparse.Namespace, plan: dict, base: int | None, path: Path) -> None:
    jobs = [(width, rate, seed) for width in plan["widths"] for rate in RATES for seed in plan["seeds"]]
    # The largest first, so that the last to end are short.
    jobs.sort(reverse=True)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        losses = list(pool.map(lambda job: loss(arguments, *job, plan["epochs"], base), jobs))
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["width", "lr", "seed", "loss"])
        writer.writerows([*job, value] for job, value in sorted(zip(jobs, losses)))


def trimtab(arguments: argparse.Namespace, *words: str) -> tuple[int, dict]:
    result = subprocess.run([arguments.trimtab, *words, "--json"], capture_output=True, text=True)
    if not result.stdout:
        sys.exit(f"trimtab {' '.join(words)}: {result.stderr}")
    return result.returncode, json.loads(result.stdout)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trimtab", required=True)
    parser.add_argument("--digits", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    found = {}
    for name, base in (("sp", None), ("mup", plan["widths"][0])):
        path = folder / f"{name}.csv"
        sweep(arguments, plan, base, path)
        status, found[name] = trimtab(arguments, "scale", "check", "transfer", str(path))
        print(
            f"{name}: {found[name]['verdict']}, exit status {status}, rate proportional to "
            f"width^{found[name]['drift']:.3f}")
        for item in found[name]["optima"]:
            print(
                f"  width {item['size']:.0f}: best rate {item['learning_rate']:.2e}, loss {item['best_loss']:.4f}, "
                f"transferred +{100 * item['transfer_gap']:.2f} %"
            )
        for reason in found[name]["reasons"]:
            print(f"  {reason}")

    # The law of the standard parameterisation, from all widths but the largest.
    optima = found["sp"]["optima"]
    law = folder / "optima.csv"
    with open(law, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["width", "rate"])
        writer.writerows([item["size"], item["learning_rate"]] for item in optima[:-1])
    largest = optima[-1]
    _, fit = trimtab(
        arguments, "scale", "fit", str(law), "--law", "power", "--inputs", "width", "--value", "rate", "--predict",
        f"width={largest['size']}",
    )  # fmt: skip
    predicted = fit["predictions"][0]["value"]
    factor = max(predicted / largest["learning_rate"], largest["learning_rate"] / predicted)
    print(
        f"law: {fit['formulas'][0]}; predicts {predicted:.2e} at width {largest['size']:.0f}, measured "
        f"{largest['learning_rate']:.2e} (a factor of {factor:.2f})"
    )
    print(f"{time.monotonic() - start:.0f} s")

    grid = found["sp"]["grid_factor"]
    drift = {name: found[name]["drift"] for name in found}
    rates = [item["learning_rate"] for item in found["mup"]["optima"]]
    spread = max(max(rate / rates[0], rates[0] / rate) for rate in rates)
    failures = []
    if drift["sp"] > -0.3:
        failures.append(f"the optimum does not drift under SP: width^{drift['sp']:.3f}")
    if abs(drift["mup"]) > 0.25 or spread > grid * 1.001:
        failures.append(
            f"the optimum does not stay under muP: width^{drift['mup']:.3f}, up to a factor of {spread:.2f} from the "
            "smallest's")
    if factor > grid:
        failures.append(f"the law misses the best rate of the largest width by a factor of {factor:.2f}")
    if not math.isfinite(factor):
        failures.append("no law was fitted")
    for failure in failures:
        print(f"FAILED: {failure}")
    if failures:
        sys.exit(1)


main()
