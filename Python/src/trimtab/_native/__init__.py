"""Where the shared library and the program lie, and whether this system can run them."""

from __future__ import annotations

import os


def native_folder() -> str:
    """Where the shared library and the program are."""
    return os.path.dirname(os.path.abspath(__file__))


def check_system() -> str | None:
    """What makes this system unable to run the engine; None when nothing is known to."""
    try:
        with open(os.path.join(native_folder(), "glibc"), encoding="ascii") as file:
            needed = file.read().strip()
    except OSError:
        return None
    try:
        name, _, present = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, ValueError, OSError):
        name, present = "", ""
    if name != "glibc":
        return (
            f"this system's C library is not glibc {needed} or later: use a distribution with glibc, such as Debian, "
            "Ubuntu or Fedora (Alpine and other musl systems will not do)")
    if _version(present) < _version(needed):
        return (
            f"this system's C library is too old: it is glibc {present}, and glibc {needed} or later is needed "
            "(Debian 12, Ubuntu 22.04, RHEL 9 and later ones will do)")
    return None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
