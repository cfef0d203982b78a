"""``python -m trimtab`` and ``trimtab``: the program itself, and what only Python can do."""

import os
import sys

from ._engine import native_folder

_PYTHON_COMMANDS = {("import",), ("export", "--to")}


def main() -> None:
    """Run the program in place of this process."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["import"] or (arguments[:1] == ["export"] and any(a.split("=")[0] == "--to" for a in arguments)):
        from .convert import main as convert

        sys.exit(convert(arguments))
    program = native_folder() / "trimtab"
    if not program.exists():
        sys.exit(f"trimtab: {program}: the program is missing: install the wheel again (pip install --force-reinstall trimtab)")
    os.execv(program, [str(program), *arguments])


if __name__ == "__main__":
    main()
