"""Runs the benchmarks of Trimtab, its floor and its peers in turn, and makes the tables.

Each figure is the median over rounds; within a round all contenders run one after the other, so that a ratio compares
measurements made within seconds of each other. Processes of one contender start together.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import python_speed

HERE = os.path.dirname(os.path.abspath(__file__))
BENCHMARK = os.path.abspath(".build/release/trimtab-speed")
TRIMTAB = os.path.abspath(".build/release/trimtab")
PEERS = [sys.executable, os.path.join(HERE, "peers.py")]


def run(command):
    """The JSON line that a benchmark prints last."""
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[-1])


def together(commands):
    """The seconds of the slowest of several processes, and their JSON lines."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for command in commands]
    outputs = [process.communicate() for process in processes]
    for process, (_, errors) in zip(processes, outputs):
        if process.returncode:
            raise RuntimeError(errors.splitlines()[-1] if errors else f"exit status {process.returncode}")
    lines = [json.loads(output.splitlines()[-1]) for output, _ in outputs]
    # What a process itself measured leaves out its start, which is seconds for some and milliseconds for others.
    return max(line["seconds"] for line in lines), lines


def noop(folder, processes, trials, peer_trials, rounds):
    """A row for each durability: rates, and the medians over rounds of the ratios to what was measured in the same."""
    rows = {durability: {"rates": {}, "ratios": {}, "starvation": []} for durability in trials}

    def note(durability, kind, name, value):
        rows[durability][kind].setdefault(name, []).append(value)

    for index in range(rounds):
        def path(*names, index=index):
            return os.path.join(folder, "-".join([*names, str(processes), str(index)]) + ".db")

        ours = {}
        for durability, count in trials.items():
            store = path("trimtab", durability)
            subprocess.run([BENCHMARK, "noop-create", store, str(count), durability], check=True)
            seconds, lines = together([[BENCHMARK, "noop", store, durability]] * processes)
            assert sum(line["trials"] for line in lines) == count
            ours[durability] = count / seconds
            note(durability, "rates", "trimtab", ours[durability])
            rows[durability]["starvation"] += [line["p99_us"] / line["median_us"] for line in lines]

            store = path("floor", durability)
            subprocess.run([BENCHMARK, "floor-create", store], check=True)
            share = count // processes
            seconds, _ = together([[BENCHMARK, "floor", store, str(share), durability]] * processes)
            floor = share * processes / seconds
            note(durability, "rates", "floor", floor)
            note(durability, "ratios", "floor", ours[durability] / floor)
        for peer in ("optuna", "rustuna"):
            subprocess.run(PEERS + ["noop-create", peer, path(peer)], check=True, stdout=subprocess.DEVNULL)
            share = max(2, peer_trials // processes)
            try:
                seconds, _ = together([PEERS + ["noop", peer, path(peer), str(share)]] * processes)
            except Exception as error:  # a peer that fails under load is a result as well
                failures.append(f"{peer} with {processes} processes, round {index + 1}: {error}")
                continue
            for durability, rate in ours.items():
                note(durability, "rates", peer, share * processes / seconds)
                note(durability, "ratios", peer, rate / (share * processes / seconds))
    return rows


failures = []


def median(values):
    return statistics.median(values) if values else None


def show(value, digits=0):
    return "–" if value is None else f"{value:,.{digits}f}"


def decision_tables(quick):
    """What ASHA decides beside many trials; Syne Tune and DEHB where TRIMTAB_PEERS names the folder of the peers."""
    yield "## What ASHA decides, 4 numbers, resources of 1 to 81, in memory"
    yield ""
    yield "Processor microseconds after so many trials: of what a report leads to (median and 99 %), and of a proposal"
    yield "(the slowest, which is the first, and the median)."
    yield ""
    yield "| | trials | reports | decision | 99 % | proposal, first | median |"
    yield "|---|---|---|---|---|---|---|"

    def row(name, found):
        times = [1e6 * found[key] for key in ("verdict_s", "verdict_p99_s", "first_proposal_s", "proposal_s")]
        reports = f"{found['reports']:,}" if "reports" in found else "–"
        return f"| {name} | {found['trials']:,} | {reports} | " + " | ".join(show(time, 1) for time in times) + " |"

    for sampler, trials, measured in (("random", 1000, 2000), ("random", 100_000, 2000), ("mobster", 600, 9)):
        yield row(f"asha + {sampler}", run([BENCHMARK, "decide", sampler, str(trials), str(measured)]))
    folder = os.environ.get("TRIMTAB_PEERS")
    if folder is None:
        return
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "decisions.py")
    for name, environment, words in (
        ("Syne Tune, ASHA", "core", ["syne-tune", "ASHA", "300" if quick else "3000", "100"]),
        ("Syne Tune, ASHACQR", "core", ["syne-tune", "ASHACQR", "600", "9"]),
        ("DEHB", "dehb", ["dehb", "1000", "100"]),
    ):
        yield row(name, run([os.path.join(folder, environment, "bin", "python"), script, *words]))


def proposal_tables(quick):
    """A proposal by SMAC3 and Ax beside ours; nothing unless TRIMTAB_PEERS names the folder of the peers."""
    folder = os.environ.get("TRIMTAB_PEERS")
    if folder is None:
        return
    yield "## One proposal beside SMAC3 and Ax, the same space"
    yield ""
    yield "Processor seconds, the median of 3 after reading so many finished trials; ours of 9."
    yield ""
    yield "| finished trials | smac | SMAC3 | × | gp | Ax | × |"
    yield "|---|---|---|---|---|---|---|"
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "proposals.py")
    python = os.path.join(folder, "core", "bin", "python")
    for trials in (100,) if quick else (100, 500, 1000):
        cells = []
        # Ax takes minutes a proposal beyond some hundred trials.
        for ours, peer in (("smac", "smac"), ("gp", "ax" if trials <= 100 else None)):
            own = run([BENCHMARK, "mixed-ask", ours, str(trials), "9"])["median_cpu_s"]
            other = run([python, script, peer, str(trials), "3"])["median_cpu_s"] if peer else None
            cells += [show(own, 3), show(other, 2), show(other / own) if other else "–"]
        yield f"| {trials:,} | " + " | ".join(cells) + " |"


def reading_tables(quick):
    """What a trial costs the study's state and what learns from it."""
    samplers = ("random", "tpe", "gp", "auto")
    yield "## What a trial costs those who learn from it, the same space"
    yield ""
    yield "Processor microseconds for the four events of a trial, the study's state included, and the peak of memory in"
    yield "MB that the process gained, one proposal at the end included; a sampler that looks at nothing (`random`)"
    yield "stands for the state alone."
    yield ""
    yield "| finished trials | " + " | ".join(samplers) + " | " + " | ".join(f"{name}, MB" for name in samplers) + " |"
    yield "|---" * (1 + 2 * len(samplers)) + "|"
    for trials in (1000,) if quick else (1000, 2000, 10_000, 100_000):
        found = [run([BENCHMARK, "read", name, str(trials)]) for name in samplers]
        cells = [show(one["mean_us"], 1) for one in found] + [show(one["peak_bytes"] / 1e6, 1) for one in found]
        yield f"| {trials:,} | " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round, small numbers")
    parser.add_argument("--output", default="docs/benchmarks.md")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    lines = []

    def put(text=""):
        print(text, flush=True)
        lines.append(text)

    put("# Speed")
    put()
    put(
        f"Measured by `make bench` on {datetime.date.today()}: {platform.machine()}, {os.cpu_count()} cores, "
        f"Linux {platform.release()}, Python {platform.python_version()}, Optuna 5.0.0, Rustuna 0.2.0; "
        f"medians over {rounds} round{'s' if rounds > 1 else ''}, all contenders in turn within a round.")
    put()
    put("## Trials that do nothing, SQLite, 10 parameters, random search")
    put()
    put("Trials per second of all processes together; ratios are medians of the rounds' ratios. The floor makes the")
    put("same number of commits of the same size through SQLite's C interface and does nothing else.")
    put()
    put(
        "| durability | processes | trimtab | floor | of the floor | Optuna | × Optuna | Rustuna | × Rustuna "
        "| p99 / median of a commit |")
    put("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=".build") as folder:
        trials = {"durable": 1000, "relaxed": 4000} if options.quick else {"durable": 3000, "relaxed": 20000}
        table = []
        for processes in (1, 4, 8):
            for durability, row in noop(folder, processes, trials, 40 if options.quick else 80, rounds).items():
                rates, ratios = ({k: median(v) for k, v in row[kind].items()} for kind in ("rates", "ratios"))
                table.append((
                    durability,
                    f"| {durability} | {processes} | {show(rates['trimtab'])} | {show(rates['floor'])} | "
                    f"{show(100 * ratios['floor'])} % | {show(rates.get('optuna'), 1)} | "
                    f"{show(ratios.get('optuna'))} | {show(rates.get('rustuna'))} | {show(ratios.get('rustuna'))} | "
                    f"{show(median(row['starvation']), 1)} |"))
        for _, line in sorted(table, key=lambda pair: pair[0]):
            put(line)
        if failures:
            put()
            put("Rounds in which a peer failed, and which its figures leave out:")
            put()
            for failure in failures:
                put(f"- {failure}")
        put()
        put("## One ask and one tell, TPE, 20 reals, in memory")
        put()
        put("Median microseconds, after a number of finished trials.")
        put()
        put("| finished trials | trimtab | Rustuna | × Rustuna | Optuna | × Optuna |")
        put("|---|---|---|---|---|---|")
        for trials in (100, 1000, 10000, 100000):
            ours = run([BENCHMARK, "ask-tell", "tpe", str(trials), "200"])["median_us"]
            asks = {100: 50, 1000: 30, 10000: 10, 100000: 5}[trials]
            rustuna = run(PEERS + ["ask-tell", "rustuna", "tpe", str(trials), str(asks)])["median_us"]
            optuna = None
            if trials <= (1000 if options.quick else 10000):
                optuna = run(PEERS + ["ask-tell", "optuna", "tpe", str(trials), "10"])["median_us"]
            put(
                f"| {trials:,} | {show(ours)} | {show(rustuna)} | {show(rustuna / ours, 1)} | {show(optuna)} | "
                f"{show(optuna / ours if optuna else None)} |")
        put()
        put("## One proposal by a Gaussian process, 20 mixed parameters, in memory, one thread")
        put()
        put("Processor seconds: of the first proposal after reading so many finished trials, fits included, and the")
        put("median of the following ones. All trials are used. The last row is a whole study of 200 trials, and the")
        put("best loss found.")
        put()
        put(
            "| finished trials | trimtab, first | trimtab, median | Optuna GPSampler, first | median | × first "
            "| × median |")
        put("|---|---|---|---|---|---|---|")
        for trials in (100, 500) if options.quick else (100, 500, 1000, 2000):
            ours = run([BENCHMARK, "mixed-ask", "gp", str(trials), "9"])
            peer = run(PEERS + ["mixed-ask", str(trials), "3"])
            put(
                f"| {trials:,} | {show(ours['first_cpu_s'], 3)} | {show(ours['median_cpu_s'], 3)} | "
                f"{show(peer['first_cpu_s'], 2)} | {show(peer['median_cpu_s'], 2)} | "
                f"{show(peer['first_cpu_s'] / ours['first_cpu_s'])} | "
                f"{show(peer['median_cpu_s'] / ours['median_cpu_s'])} |")
        length = 50 if options.quick else 200
        ours = run([BENCHMARK, "mixed-run", "gp", str(length)])
        peer = run(PEERS + ["mixed-run", str(length)])
        put(
            f"| {length} from nothing | {show(ours['cpu_s'], 2)} (best {ours['best']:.2g}) | | "
            f"{show(peer['cpu_s'], 1)} (best {peer['best']:.2g}) | | {show(peer['cpu_s'] / ours['cpu_s'])} | |")
        put()
        put("## One proposal by a forest and by conformal quantile regression, the same space")
        put()
        put("Processor milliseconds, the median of 9 after reading so many finished trials, each with a model of its")
        put("own.")
        put()
        put("| finished trials | smac | cqr |")
        put("|---|---|---|")
        for trials in (100, 1000):
            medians = [
                1000 * run([BENCHMARK, "mixed-ask", name, str(trials), "9"])["median_cpu_s"]
                for name in ("smac", "cqr")
            ]
            put(f"| {trials:,} | {show(medians[0], 1)} | {show(medians[1], 1)} |")
        put()
        put("## One proposal where trials crash in a fifth of the space, the same space")
        put()
        put("Processor milliseconds, the median of 25 after reading so many finished trials.")
        put()
        put("| finished trials | gp, no failures | gp, failures |")
        put("|---|---|---|")
        for trials in (100, 200, 400):
            medians = [
                1000 * run([BENCHMARK, "mixed-ask", "gp", str(trials), "25", share])["median_cpu_s"]
                for share in ("0", "0.2")
            ]
            put(f"| {trials:,} | {show(medians[0], 1)} | {show(medians[1], 1)} |")
        put()
        for line in proposal_tables(options.quick):
            put(line)
        put()
        for line in reading_tables(options.quick):
            put(line)
        put()
        for line in decision_tables(options.quick):
            put(line)
        put()
        for line in python_speed.tables(rounds):
            put(line)
        put()
        put("## Opening a study of 100,000 trials × 20 parameters")
        put()
        big = os.path.join(folder, "big.trimtab")
        filled = run([BENCHMARK, "fill", big, "100000", "20"])
        replays = [run([BENCHMARK, "replay", big]) for _ in range(5)]
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            subprocess.run([TRIMTAB, "best", big], check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - begun)
        usage = subprocess.run(
            [sys.executable, "-c",
             "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
             "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)", TRIMTAB, "best", big],
            check=True, capture_output=True, text=True).stdout
        memory = int(usage) / 1024
        rate = statistics.median(r["events_per_second"] for r in replays)
        put("| figure | value |")
        put("|---|---|")
        put(f"| log replay | {show(rate)} events per second |")
        put(f"| `trimtab best` | {show(1000 * statistics.median(times))} ms |")
        put(f"| peak memory of `trimtab best` | {show(memory)} MB |")
        put(f"| bytes per trial in the log (proposal, start, report, completion) | {show(filled['bytes'] / 100000)} |")
        versions = []
        for _ in range(21):
            begun = time.perf_counter()
            subprocess.run([TRIMTAB, "--version"], check=True, stdout=subprocess.DEVNULL)
            versions.append(time.perf_counter() - begun)
        put(f"| `trimtab --version` | {show(1000 * statistics.median(versions), 1)} ms |")
    if not options.quick:
        with open(options.output, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
