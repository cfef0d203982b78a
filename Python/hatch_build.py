"""Names the systems that can load what Scripts/native.sh put into the package."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeFiles(BuildHookInterface):  # type: ignore[type-arg]
    """Gives the wheel the tag of the native files; refuses to build one without them."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        folder = Path(self.root) / "src" / "trimtab" / "_native"
        library = "libtrimtab.dylib" if sys.platform == "darwin" else "libtrimtab.so"
        for name in (library, "trimtab", "_core.abi3.so"):
            if not (folder / name).exists():
                raise FileNotFoundError(f"{folder / name}: run Scripts/native.sh first, or `make wheel`")
        machine = platform.machine()
        if sys.platform == "darwin":
            tag = f"macosx_15_0_{machine}"
        else:
            tag = f"manylinux_{(folder / 'glibc').read_text().strip().replace('.', '_')}_{machine}"
        build_data["pure_python"] = False
        build_data["tag"] = f"cp39-abi3-{os.environ.get('TRIMTAB_PLATFORM_TAG', tag)}"
