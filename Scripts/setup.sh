#!/usr/bin/env bash
# Installs the system packages that building and testing need, where they are missing.
set -euo pipefail

missing=()
have_header() { [ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ] || [ -e "/opt/homebrew/include/$1" ]; }
have_header sqlite3.h || missing+=(libsqlite3-dev)
if [ "$(uname)" = Linux ]; then
  [ -n "$(find /usr/lib /usr/lib64 /usr/local/lib -name 'libopenblas.a' -print -quit 2>/dev/null)" ] ||
    missing+=(libopenblas-pthread-dev)
fi
command -v pkg-config >/dev/null || missing+=(pkg-config)
command -v python3 >/dev/null || missing+=(python3)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
python3 -c 'import os, sysconfig; assert os.path.exists(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null ||
  missing+=(python3-dev)

if [ ${#missing[@]} -gt 0 ] && [ "$(uname)" = Linux ]; then
  if ! command -v apt-get >/dev/null; then
    echo "Please install these packages (Debian's names): ${missing[*]}" >&2
    exit 1
  fi
  run=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "Please run as root: apt-get install ${missing[*]}" >&2; exit 1; }
    run=(sudo)
  fi
  echo "Installing: ${missing[*]}"
  "${run[@]}" apt-get update -q >/dev/null
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${missing[@]}" >/dev/null
fi

if ! command -v swift >/dev/null; then
  echo "Swift 6.2 or later is needed: https://www.swift.org/install" >&2
  exit 1
fi
