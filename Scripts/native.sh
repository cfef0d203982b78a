#!/usr/bin/env bash
# Builds what the Python package carries: the shared library with the C interface (Sources/CTrimtab/include/trimtab.h), the
# program, and the extension module. None of them needs Swift on the machine that runs it.
#
# usage: native.sh [FOLDER]      (Python/src/trimtab/_native when left out)
#   PYTHON        the interpreter whose headers the extension is built with (python3); it serves every later version too
#   TRIMTAB_TEST  when set, the program and the library are made of what the tests are built of: nothing is compiled a second
#                 time, and the program needs Swift's libraries where it runs
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-Python/src/trimtab/_native}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
include=$("${PYTHON:-python3}" -c 'import sysconfig; print(sysconfig.get_path("include"))')
[ -e "$include/Python.h" ] || { echo "$include has no Python.h: install python3-dev" >&2; exit 1; }

options=(-c release --static-swift-stdlib)
[ -z "${TRIMTAB_TEST:-}" ] || options=(--scratch-path .build-test)
if [ "$(uname)" = Linux ]; then
  # Described to SwiftPM as the system's SQLite, the archive is linked where the shared library would be.
  archive=$(gcc -print-file-name=libsqlite3.a)
  [ -e "$archive" ] || { echo "libsqlite3.a is missing: install libsqlite3-dev" >&2; exit 1; }
  static=$PWD/.build/static
  mkdir -p "$static"
  ln -sf "$archive" "$static/"
  # The threaded build: the one without threads is not safe under several callers (measured with 0.3.21 of Debian).
  archive=$(gcc -print-file-name=openblas-pthread/libopenblas.a)
  [ -e "$archive" ] || archive=$(gcc -print-file-name=libopenblas.a)
  [ -e "$archive" ] || { echo "libopenblas.a is missing: install libopenblas-pthread-dev" >&2; exit 1; }
  ln -sf "$archive" "$static/"
  options+=(-Xlinker "-L$static")
  printf 'Name: SQLite\nDescription: SQL database engine\nVersion: 3\nLibs: -L%s -lsqlite3\n' "$static" >"$static/sqlite3.pc"
  export PKG_CONFIG_PATH=$static
  # Functions that ours replace; the file says why.
  cc -O2 -fPIC -c Python/native/replaced.c -o "$static/replaced.o"
  wrap=(-Xlinker "$static/replaced.o")
  for symbol in hypot hypotf _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE openblas_num_threads_env; do
    wrap+=(-Xlinker "--wrap=$symbol")
  done
  options+=("${wrap[@]}")
fi
bin=$(swift build "${options[@]}" --show-bin-path)
swift build "${options[@]}" --product TrimtabC
swift build "${options[@]}" --product trimtab

# SwiftPM's flag for a static standard library does not reach dynamic products, so the objects are linked here: all but
# those for YAML, which would bring Foundation with them (50 MB), and which requests in JSON have no need of.
grep -v -e '+YAML\.swift\.o' -e '/Yams\.build/' -e '/CYaml\.build/' \
  "$bin/TrimtabC.product/Objects.LinkFileList" >"$work/objects"
if [ "$(uname)" = Darwin ]; then
  library=libtrimtab.dylib
  # macOS brings the Swift runtime with it.
  swiftc -emit-library -o "$out/$library" "@$work/objects" -Xlinker -exported_symbol -Xlinker '_tt_*' \
    -Xlinker -dead_strip -Xlinker -install_name -Xlinker "@rpath/$library" -lsqlite3 \
    -framework Accelerate
  strip -x "$out/$library"
  rpath=@loader_path
  extension=(-undefined dynamic_lookup)
else
  library=libtrimtab.so
  echo '{ global: tt_*; local: *; };' >"$work/exports"
  swiftc -emit-library -static-stdlib -use-ld=lld -o "$out/$library" -L "$static" "@$work/objects" \
    -lopenblas "${wrap[@]}" -Xlinker --gc-sections -Xlinker --as-needed \
    -Xlinker --version-script="$work/exports" -Xlinker "-soname=$library" -Xlinker -z -Xlinker defs
  strip --strip-unneeded "$out/$library"
  rpath='$ORIGIN'
  extension=(-s)
fi
cc -std=c11 -Wall -Wextra -O2 -fPIC -shared -DPy_LIMITED_API=0x03090000 "-I$include" -ISources/CTrimtab/include \
  Python/native/core.c -o "$out/_core.abi3.so" "-L$out" -ltrimtab "-Wl,-rpath,$rpath" "${extension[@]}"
cp "$bin/trimtab" "$out/trimtab"
strip "$out/trimtab"
if [ "$(uname)" = Linux ]; then
  objdump -T "$out/$library" "$out/trimtab" "$out/_core.abi3.so" | grep -oE 'GLIBC_2\.[0-9]+' | cut -d_ -f2 | sort -Vu |
    tail -n 1 >"$out/glibc"
fi
ls -l "$out"
