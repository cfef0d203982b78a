"""``python -m trimtab`` and ``trimtab``: the program itself."""

import os
import sys

from ._native import check_system, native_folder


def main() -> None:
    """Run the program in place of this process."""
    program = os.path.join(native_folder(), "trimtab")
    if not os.path.exists(program):
        sys.exit(
            f"trimtab: {program}: the program is missing: install the wheel again "
            "(pip install --force-reinstall trimtab)")
    problem = check_system()
    if problem is not None:
        sys.exit(f"trimtab: {problem}")
    try:
        os.execv(program, [program, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"trimtab: {program} cannot be run: {error} (install the wheel for this system: pip install trimtab)")


if __name__ == "__main__":
    main()
