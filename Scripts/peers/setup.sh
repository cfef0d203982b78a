#!/usr/bin/env bash
# Installs the optimisers of others that Trimtab is compared with, each in its pinned version, into $TRIMTAB_PEERS or
# .build/peers-lab. What cannot be installed here is left out and listed at the end.
#
# usage: Scripts/peers/setup.sh [environment …]     (core, dehb, hebo; all of them by default; turbo, baxus)
#
# The programs of TuRBO's and BAxUS's authors are under a licence for non-commercial use, and are installed only when named.
#
# Not all packages agree on the versions of others, so there is a Python environment for each file in requirements/, whose
# lines are installed one by one. HEBO asks for a pymoo that is no longer to be had, and works with a later one.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/Scripts/peers
folder=${TRIMTAB_PEERS:-$PWD/.build/peers-lab}
cpu_index=https://download.pytorch.org/whl/cpu
mkdir -p "$folder"
ln -sfn "$here" "$folder/adapters"
missing=()

install() { # environment, words of one line
  local pip="$folder/$1/bin/pip"
  shift
  # Without the constraint, packages that need PyTorch would bring its CUDA libraries, which are gigabytes.
  "$pip" install --quiet -c "$here/requirements/constraints.txt" "$@" ||
    { [[ " $* " == *" torch=="* ]] && "$pip" install --quiet --extra-index-url "$cpu_index" "$@"; }
}

environments=("$@")
if [ ${#environments[@]} -eq 0 ]; then environments=(core dehb hebo); fi
for environment in "${environments[@]}"; do
  if [ ! -x "$folder/$environment/bin/python" ]; then python3 -m venv "$folder/$environment"; fi
  while read -r -a words; do
    [ ${#words[@]} -gt 0 ] || continue
    echo "$environment: ${words[*]}"
    install "$environment" "${words[@]}" || missing+=("$environment: ${words[*]}")
  done <"$here/requirements/$environment.txt"
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "not installed (optuna-gp and ax need torch, hebo needs all of its environment):"
  printf '  %s\n' "${missing[@]}"
fi
