#!/usr/bin/env python3
"""Kills tuning processes with SIGKILL at random moments and checks what must hold all the same.

Several `trimtab tune` processes share one study whose trials are shell scripts. One of the processes is killed at a
time and started again, many times; then the running study is amended to end a little later. When it is complete:

- every result that any process acknowledged is in the log, with the same value;
- no trial ran twice at once (each run holds a lock file and notes a violation when it is held already);
- the budget of trials was neither overrun nor missed;
- no process of a trial is left;
- `trimtab doctor` and `trimtab replay` find nothing wrong.
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

TRIAL = r"""
exec 9>>"$LEDGER/lock.$TRIMTAB_TRIAL"
if ! flock -n 9; then echo "$TRIMTAB_TRIAL $$" >> "$LEDGER/violations"; exit 1; fi
echo "$TRIMTAB_TRIAL" >> "$LEDGER/runs"
# What was reported but not recorded when the tuning process died has to be reported again.
step=$TRIMTAB_RESOURCE_FROM
while [ "$step" -lt "$TRIMTAB_RESOURCE" ]; do
  step=$((step + 1))
  sleep 0.01
  echo "{\"step\": $step, \"loss\": $TRIMTAB_PARAM_X}" >> "$TRIMTAB_REPORT"
  echo "$step" > "$TRIMTAB_CHECKPOINT/step.new" && mv "$TRIMTAB_CHECKPOINT/step.new" "$TRIMTAB_CHECKPOINT/step"
done
"""

STUDY = """
study: kill-suite
objective: {{metric: loss, goal: minimize}}
fidelity: {{name: step, min: 1, max: 27}}
method: {{sampler: tpe, scheduler: {{name: asha, variant: {variant}}}}}
parallel: 2
retries: {{lost: 1000}}
command: [/bin/sh, trial.sh]
environment: {{LEDGER: "{ledger}"}}
limits: {{grace: 1}}
seed: {seed}
space:
  x: {{type: float, low: 0, high: 1}}
  kind: {{type: categorical, choices: [a, b]}}
  y: {{type: integer, low: 1, high: 100, scale: log, when: kind == a}}
"""


def acknowledged(outputs):
    """The trials whose completion some process printed, with their values."""
    found = {}
    for path in outputs:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # the line that the kill cut off
                if event.get("event") == "completed":
                    found.setdefault(event["trial"], set()).add(event.get("value"))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trimtab", required=True)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variant", choices=["promotion", "stopping"], default="promotion")
    parser.add_argument("--keep", help="a folder to work in, kept afterwards")
    options = parser.parse_args()

    trimtab = os.path.abspath(options.trimtab)
    chance = random.Random(options.seed)
    folder = options.keep or tempfile.mkdtemp(prefix="trimtab-kill-")
    os.makedirs(folder, exist_ok=True)
    ledger = os.path.join(folder, "ledger")
    os.makedirs(ledger, exist_ok=True)
    with open(os.path.join(folder, "trial.sh"), "w", encoding="utf-8") as file:
        file.write(TRIAL)
    # No budget while the killing lasts: however fast the machine, the study is alive at each kill.
    study = os.path.join(folder, "study.yaml")
    with open(study, "w", encoding="utf-8") as file:
        file.write(STUDY.format(ledger=ledger, seed=options.seed, variant=options.variant))

    outputs = []

    def start():
        path = os.path.join(folder, f"out.{len(outputs)}")
        outputs.append(path)
        with open(path, "w", encoding="utf-8") as out:
            return subprocess.Popen(
                [trimtab, "tune", study, "--json"], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True)

    begun = time.monotonic()
    running = [start() for _ in range(options.processes)]
    kills = 0
    while kills < options.kills and any(process.poll() is None for process in running):
        time.sleep(chance.uniform(0.02, 0.35))
        victim = chance.randrange(len(running))
        if running[victim].poll() is None:
            running[victim].send_signal(signal.SIGKILL)
            running[victim].wait()
            kills += 1
            running[victim] = start()
    problems = []

    def run(*arguments):
        return subprocess.run([trimtab, *arguments], capture_output=True, text=True, check=False)

    # Far enough ahead that no process gets there before the change does.
    trials = len(run("export", study, "--format", "jsonl").stdout.splitlines()) + 100
    amended = run("amend", study, "--set", f"budget.trials={trials}")
    if amended.returncode != 0:
        problems.append(f"trimtab amend exited with {amended.returncode}: {amended.stdout}{amended.stderr}")
        for process in running:
            process.terminate()
    for process in running:
        try:
            process.wait(timeout=300)
        except subprocess.TimeoutExpired:
            problems.append("a tuning process did not come to an end within 300 s")
            process.kill()
    if kills < options.kills:
        problems.append(f"every tuning process had ended after {kills} kills")
    codes = [process.returncode for process in running]
    if any(codes):
        problems.append(f"tuning processes ended with {codes}: " + open(outputs[-1], encoding="utf-8").read()[-500:])

    rows = [json.loads(line) for line in run("export", study, "--format", "jsonl").stdout.splitlines()]
    if len(rows) != trials:
        problems.append(f"the budget is {trials} trials, the log has {len(rows)}")
    by_number = {row["trial"]: row for row in rows}
    promised = acknowledged(outputs)
    for trial, values in promised.items():
        row = by_number.get(trial)
        if row is None or row["state"] != "completed" or any(value != row["metric.loss"] for value in values):
            problems.append(f"trial {trial} was acknowledged as completed with {values}, the log has {row}")
    for row in rows:
        if row["state"] not in ("completed", "stopped", "paused"):
            problems.append(f"trial {row['trial']} ended as {row['state']}")
    if os.path.exists(os.path.join(ledger, "violations")):
        with open(os.path.join(ledger, "violations"), encoding="utf-8") as file:
            problems.append(f"trials ran twice at once: {file.read().split()}")
    left = subprocess.run(["pgrep", "-f", ledger], capture_output=True, text=True, check=False).stdout.split()
    if left:
        problems.append(f"processes of trials are left: {left}")
    for arguments in (["doctor", os.path.join(folder, "study.trimtab")], ["replay", study, "--verify"]):
        result = run(*arguments)
        if result.returncode != 0:
            problems.append(f"trimtab {arguments[0]} exited with {result.returncode}: {result.stdout}{result.stderr}")

    with open(os.path.join(ledger, "runs"), encoding="utf-8") as file:
        runs = len(file.read().split())
    print(
        f"{kills} kills of {options.processes} processes in {time.monotonic() - begun:.0f} s: {len(rows)} trials, "
        f"{runs} runs, {len(promised)} acknowledged completions, {len(problems)} problems")
    for problem in problems:
        print("problem:", problem)
    if problems:
        print("kept:", folder)
    elif not options.keep:
        subprocess.run(["rm", "-rf", folder], check=False)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
