#!/usr/bin/env bash
# Builds the shared library with the C interface (Sources/CTrimtab/include/trimtab.h) and the program, both without any
# need of Swift on the machine that runs them.
#
# usage: build-shared.sh FOLDER   (libtrimtab.so or .dylib, trimtab and trimtab.h are put there)
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?give the folder to build into}
mkdir -p "$out"
out=$(cd "$out" && pwd)

# SwiftPM's flag for a static standard library does not reach dynamic products, so the objects are linked here.
if [ "$(uname)" = Darwin ]; then
  # macOS brings the Swift runtime with it.
  swift build -c release --product TrimtabC
  swift build -c release --product trimtab
  bin=$(swift build -c release --show-bin-path)
  swiftc -emit-library -o "$out/libtrimtab.dylib" -Xlinker -force_load -Xlinker "$bin/libTrimtabC.a" \
    -Xlinker -exported_symbol -Xlinker '_tt_*' -Xlinker -dead_strip -lsqlite3
  strip -x "$out/libtrimtab.dylib"
else
  swift build -c release --static-swift-stdlib --product TrimtabC
  swift build -c release --static-swift-stdlib --product trimtab
  bin=$(swift build -c release --static-swift-stdlib --show-bin-path)
  map=$(mktemp)
  trap 'rm -f "$map"' EXIT
  echo '{ global: tt_*; local: *; };' >"$map"
  # A static archive of SQLite, where there is one, spares the machine that runs it the library too.
  sqlite=-lsqlite3
  archive=$(gcc -print-file-name=libsqlite3.a 2>/dev/null || true)
  [ -f "$archive" ] && sqlite="$archive"
  swiftc -emit-library -static-stdlib -o "$out/libtrimtab.so" \
    -Xlinker --whole-archive "$bin/libTrimtabC.a" -Xlinker --no-whole-archive "$sqlite" -lm \
    -Xlinker --gc-sections -Xlinker --version-script="$map" -Xlinker -soname=libtrimtab.so
  strip --strip-unneeded "$out/libtrimtab.so"
fi
cp "$bin/trimtab" "$out/trimtab"
strip "$out/trimtab"
cp Sources/CTrimtab/include/trimtab.h "$out/"
ls -l "$out"
