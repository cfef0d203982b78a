#!/bin/sh
# Compiles the program with the trial's flags, checks what it prints, and reports the least of five times.
set -eu
flags="$TRIMTAB_PARAM_LEVEL -finline-limit=$TRIMTAB_PARAM_INLINE_LIMIT"
[ "$TRIMTAB_PARAM_NATIVE" = false ] || flags="$flags -march=native"
[ "$TRIMTAB_PARAM_FAST_MATH" = false ] || flags="$flags -ffast-math"
[ "$TRIMTAB_PARAM_UNROLL" = false ] || flags="$flags -funroll-loops --param max-unroll-times=$TRIMTAB_PARAM_UNROLL_TIMES"
program=$TRIMTAB_CHECKPOINT/program
# shellcheck disable=SC2086
if ! ${CC:-gcc} $flags -o "$program" program.c -lm; then
  trimtab report --reject "the compiler does not take $flags"
  exit 0
fi
least=
for run in 1 2 3 4 5; do
  before=$(date +%s%N)
  result=$("$program")
  nanoseconds=$(($(date +%s%N) - before))
  # Fast, and wrong, is no good.
  [ "$result" = -0.465 ] || { trimtab report --reject "the result is $result"; exit 0; }
  if [ -z "$least" ] || [ "$nanoseconds" -lt "$least" ]; then least=$nanoseconds; fi
done
trimtab report seconds="$(awk "BEGIN { print $least / 1e9 }")" bytes="$(wc -c <"$program")"
