#!/usr/bin/env bash
# Builds the digits trainer and checks what a tuner relies on. Needs only swift and a POSIX system.
set -euo pipefail
cd "$(dirname "$0")"

swift build -c release --product digits
digits=$PWD/.build/release/digits
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset TRIMTAB_REPORT TRIMTAB_CHECKPOINT TRIMTAB_RESOURCE TRIMTAB_RESOURCE_FROM TRIMTAB_STOP TRIMTAB_SEED \
  TRIMTAB_DIGITS_DATA

fail() {
  echo "FAILED: $1" >&2
  exit 1
}

# expect STATUS COMMAND...: runs the command, keeps its output in $scratch/out and $scratch/err.
expect() {
  local wanted=$1 status=0
  shift
  "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
  [ "$status" = "$wanted" ] || fail "exit status $status instead of $wanted: $* ($(cat "$scratch/err"))"
}

# The reports without the seconds, which differ from run to run.
losses() { sed 's/, "seconds_per_epoch.*//' "$1"; }

# The last accuracy in a file of reports is above the limit.
accuracy_above() {
  tail -n 1 "$1" | sed 's/.*"accuracy": \([0-9.]*\).*/\1/' |
    awk -v limit="$2" '{ exit !($1 > limit) }' || fail "accuracy not above $2: $(tail -n 1 "$1")"
}

echo "- a run to 9 epochs that goes on to 27 is the run straight to 27, bit for bit"
for flags in "--optimizer=sgd --momentum=0.9 --activation=relu" "--optimizer=adam --learning_rate=1e-3 --activation=gelu"; do
  rm -rf "$scratch/straight" "$scratch/parts" "$scratch"/*.jsonl
  flags="$flags --dropout=0.2 --weight_decay=1e-3 --seed=5"
  TRIMTAB_RESOURCE=27 TRIMTAB_CHECKPOINT=$scratch/straight TRIMTAB_REPORT=$scratch/straight.jsonl \
    expect 0 "$digits" $flags
  TRIMTAB_RESOURCE=9 TRIMTAB_CHECKPOINT=$scratch/parts TRIMTAB_REPORT=$scratch/parts.jsonl \
    expect 0 "$digits" $flags
  [ "$(wc -l <"$scratch/parts.jsonl")" = 9 ] || fail "TRIMTAB_RESOURCE=9 did not give 9 reports"
  TRIMTAB_RESOURCE=27 TRIMTAB_RESOURCE_FROM=9 TRIMTAB_CHECKPOINT=$scratch/parts TRIMTAB_REPORT=$scratch/parts.jsonl \
    expect 0 "$digits" $flags
  [ "$(wc -l <"$scratch/parts.jsonl")" = 27 ] || fail "the two parts did not give 27 reports"
  diff <(losses "$scratch/straight.jsonl") <(losses "$scratch/parts.jsonl") || fail "the losses differ"
  "$digits" --evaluate="$scratch/straight" >"$scratch/straight.test"
  "$digits" --evaluate="$scratch/parts" >"$scratch/parts.test"
  cmp "$scratch/straight.test" "$scratch/parts.test" || fail "the networks differ"
done

echo "- an epoch that was saved but not reported is reported by the next run"
rm -f "$scratch/again.jsonl"
TRIMTAB_RESOURCE=27 TRIMTAB_RESOURCE_FROM=24 TRIMTAB_CHECKPOINT=$scratch/parts TRIMTAB_REPORT=$scratch/again.jsonl \
  expect 0 "$digits" $flags
diff <(losses "$scratch/again.jsonl") <(tail -n 3 "$scratch/straight.jsonl" | losses /dev/stdin) ||
  fail "epochs 25 to 27 were not reported again"

echo "- good settings learn"
rm -f "$scratch"/*.jsonl
TRIMTAB_CHECKPOINT=$scratch/good TRIMTAB_REPORT=$scratch/good.jsonl expect 0 "$digits" \
  --learning_rate=0.1 --batch_size=32 --layers=2 --width=128 --momentum=0.8 --weight_decay=1e-4 --dropout=0.1
accuracy_above "$scratch/good.jsonl" 0.95
for activation in relu tanh gelu; do
  for optimizer in "sgd --learning_rate=0.05" "adam --learning_rate=0.003"; do
    rm -f "$scratch/each.jsonl"
    TRIMTAB_REPORT=$scratch/each.jsonl expect 0 "$digits" --activation=$activation --optimizer=$optimizer
    accuracy_above "$scratch/each.jsonl" 0.94
  done
done

echo "- the test images are scored from the checkpoint"
expect 0 "$digits" --evaluate="$scratch/good"
sed 's/.*"test_accuracy": \([0-9.]*\).*/\1/' "$scratch/out" | awk '{ exit !($1 > 0.93) }' ||
  fail "test accuracy not above 0.93: $(cat "$scratch/out")"
expect 1 "$digits" --evaluate="$scratch/nowhere"

echo "- a damaged checkpoint, or one of another configuration, is named and training starts over"
printf 'x' | dd of="$scratch/good/training.checkpoint" bs=1 seek=5000 conv=notrunc status=none
expect 1 "$digits" --evaluate="$scratch/good"
TRIMTAB_CHECKPOINT=$scratch/good expect 0 "$digits" --epochs=2
grep -q "damaged; starting from scratch" "$scratch/err" || fail "the damage was not named"
grep -q "epoch 1/2" "$scratch/out" || fail "training did not start over"
TRIMTAB_CHECKPOINT=$scratch/good expect 0 "$digits" --epochs=2 --width=32
grep -q "width=64; starting from scratch" "$scratch/err" || fail "the other configuration was not named"

echo "- a diverged loss is reported as such and ends the run"
rm -f "$scratch/nan.jsonl"
TRIMTAB_REPORT=$scratch/nan.jsonl expect 0 "$digits" --learning_rate=100 --momentum=0.99 --layers=3
tail -n 1 "$scratch/nan.jsonl" | grep -Eq '^\{"epoch": [0-9]+, "loss": "(nan|inf)"\}$' ||
  fail "not reported as diverged: $(tail -n 1 "$scratch/nan.jsonl")"

echo "- SIGTERM ends the run after the epoch, with its checkpoint"
mkdir "$scratch/stopped"
TRIMTAB_CHECKPOINT=$scratch/stopped TRIMTAB_REPORT=$scratch/stopped.jsonl "$digits" --epochs=100000 >"$scratch/out" &
trainer=$!
until [ -s "$scratch/stopped.jsonl" ]; do sleep 0.05; done
kill -TERM "$trainer"
status=0
wait "$trainer" || status=$?
[ "$status" = 143 ] || fail "exit status $status instead of 143 at SIGTERM"
reported=$(wc -l <"$scratch/stopped.jsonl")
TRIMTAB_CHECKPOINT=$scratch/stopped expect 0 "$digits" --epochs=$((reported + 1))
grep -q "going on after epoch $reported\$" "$scratch/out" || fail "the run did not go on after epoch $reported"
touch "$scratch/stop"
TRIMTAB_STOP=$scratch/stop expect 143 "$digits"

echo "- wrong input exits with 2 and names what is wrong"
for wrong in --learning_rate=fast --learning_rate=-1 --batch_size=0 --layers=1.5 --activation=step --dropout=1 \
  "--optimizer=adam --momentum=0.9" --speed=1 train "--width=8 --width=9" --seed; do
  expect 2 "$digits" $wrong
  [ -s "$scratch/err" ] || fail "no message for $wrong"
done
TRIMTAB_RESOURCE=many expect 2 "$digits"
grep -q "TRIMTAB_RESOURCE=many" "$scratch/err" || fail "TRIMTAB_RESOURCE was not named"
expect 1 "$digits" --data="$scratch/nowhere"

echo "- the parts themselves: gradients, split, checkpoint format"
swift test --quiet >"$scratch/out" 2>&1 || {
  cat "$scratch/out"
  fail "swift test"
}
echo "digits: all passed"
