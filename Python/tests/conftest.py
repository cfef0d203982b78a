"""What the tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Small problems, on machines that do other things, too. Before NumPy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture
def store(tmp_path: Path) -> str:
    """The path of a store that does not exist yet."""
    return str(tmp_path / "studies.db")
