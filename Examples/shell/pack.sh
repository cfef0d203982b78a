#!/bin/sh
# Packs a file with the trial's program. Its values stand in the environment; those of the other program are not set.
set -eu
file=$TRIMTAB_CHECKPOINT/data
seq 1 150000 >"$file"
before=$(date +%s%N)
case $TRIMTAB_PARAM_PROGRAM in
  gzip) gzip "-$TRIMTAB_PARAM_GZIP_LEVEL" <"$file" >"$file.packed" ;;
  xz) xz "-$TRIMTAB_PARAM_XZ_LEVEL" <"$file" >"$file.packed" ;;
esac
milliseconds=$((($(date +%s%N) - before) / 1000000))
bytes=$(wc -c <"$file.packed")
rm "$file" "$file.packed"
# A byte costs as much as a hundredth of a millisecond.
trimtab report cost=$((milliseconds + bytes / 100)) bytes="$bytes" milliseconds="$milliseconds"
