"""Puts the shared library and the program into the wheel, and names the systems that can load them."""

import os
import platform
import stat
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Adds what Scripts/build-shared.sh made, from the folder in TRIMTAB_NATIVE."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        folder = Path(os.environ.get("TRIMTAB_NATIVE", Path(self.root).parent / ".build" / "shared"))
        library = "libtrimtab.dylib" if sys.platform == "darwin" else "libtrimtab.so"
        for name in (library, "trimtab"):
            file = folder / name
            if not file.exists():
                raise FileNotFoundError(f"{file}: run Scripts/build-shared.sh first, or `make wheel`")
            file.chmod(file.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
            build_data["force_include"][str(file)] = f"trimtab/_native/{name}"
        machine = platform.machine()
        if sys.platform == "darwin":
            tag = f"macosx_15_0_{machine}"
        else:
            tag = f"manylinux_2_35_{machine}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{os.environ.get('TRIMTAB_PLATFORM_TAG', tag)}"
