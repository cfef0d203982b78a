"""The shared library as any program sees it: whatever is passed, it answers."""

from __future__ import annotations

import ctypes
import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trimtab._native import native_folder


class Call(ctypes.Structure):
    """``tt_call`` of trimtab.h."""

    _fields_ = [
        ("trial", ctypes.c_int64), ("attempt", ctypes.c_int64), ("seed", ctypes.c_int64), ("revision", ctypes.c_int64),
        ("capacity", ctypes.c_int64), ("count", ctypes.c_int64), ("has_notes", ctypes.c_int64),
        ("target", ctypes.c_double), ("reached", ctypes.c_double), ("resource", ctypes.c_double),
        ("seconds", ctypes.c_double), ("values", ctypes.POINTER(ctypes.c_double)), ("text", ctypes.c_void_p)]


@pytest.fixture(scope="module")
def library() -> Any:
    loaded = ctypes.CDLL(str(next(Path(native_folder()).glob("libtrimtab.*"))))
    loaded.tt_version.restype = ctypes.c_char_p
    loaded.tt_open.restype = ctypes.c_int64
    loaded.tt_open.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
    loaded.tt_request.restype = ctypes.c_void_p
    loaded.tt_request.argtypes = [ctypes.c_int64, ctypes.c_char_p]
    loaded.tt_close.restype = ctypes.c_void_p
    loaded.tt_close.argtypes = [ctypes.c_int64]
    loaded.tt_free.argtypes = [ctypes.c_void_p]
    for name in ("tt_ask", "tt_report", "tt_complete"):
        getattr(loaded, name).argtypes = [ctypes.c_int64, ctypes.c_void_p]
    return loaded


def taken(library: Any, address: int) -> Any:
    assert address
    try:
        return json.loads(ctypes.string_at(address))
    finally:
        library.tt_free(address)


def opened(library: Any, **members: Any) -> int:
    study = {
        "study": "c", "objective": {"metric": "loss", "goal": "minimize"}, "method": {"sampler": "random"},
        "space": {"x": {"type": "float", "low": 0, "high": 1}}, **members}
    handle = library.tt_open(json.dumps({"study": study, "store": None, "mode": "create"}).encode(), None)
    assert handle > 0
    return int(handle)


@pytest.mark.parametrize(
    "request_text",
    [None, b"", b"{", b"\xff\xfe", b"null", b"[]", b"5", b'{"study": 5}', b'{"mode": "create"}', b"[" * 1_000_000,
     b'{"study": {}, "mode": "create"}', b'{"study": null, "mode": "open"}', b'{"study": {}, "mode": "x"}',
     b'{"study": {}, "mode": "create", "store": 5}', b'{"study": {}, "mode": "create", "stoer": null}',
     b'{"study": "\\ud800", "mode": "open", "store": "x"}', b'{"study": "x", "mode": "open", "store": "/"}',
     b'{"study": {"space": {"x": {"type": "float", "low": NaN, "high": 1}}}, "mode": "create"}',
     b'{"study": {"space": {"x": {"type": "integer", "low": 0, "high": 1e300}}}, "mode": "create"}'])
def test_what_is_no_study_is_answered_with_an_error(library: Any, request_text: bytes | None) -> None:
    text = ctypes.c_void_p()
    assert library.tt_open(request_text, ctypes.byref(text)) == 0
    assert text.value is not None
    assert taken(library, text.value)["error"]["message"]
    assert library.tt_open(request_text, None) == 0


def test_handles_that_are_none_are_answered_with_an_error(library: Any) -> None:
    own = opened(library)
    assert library.tt_close(own) is None
    for handle in (0, -1, 1, own, own + 1, 2**63 - 1, -(2**63), (1 << 32) | os.getpid() + 1):
        call = Call()
        for function in (library.tt_ask, library.tt_report, library.tt_complete):
            assert function(handle, ctypes.byref(call)) < 0
            assert taken(library, call.text)["error"]["kind"] in ("closed", "forked")
            assert function(handle, None) < 0
        assert "error" in taken(library, library.tt_request(handle, b'{"verb": "ask"}'))
        assert "error" in taken(library, library.tt_close(handle))


def test_calls_with_impossible_numbers_are_answered(library: Any) -> None:
    handle = opened(library)
    call = Call()
    # No room for values: the run is given all the same, and says how much room it needs.
    assert library.tt_ask(handle, ctypes.byref(call)) == 0
    assert (call.trial, call.count) == (0, 1)
    values = (ctypes.c_double * 1)(0.5)
    for trial in (-1, 1, 2**63 - 1, -(2**63)):
        for count in (0, 1, 2, -1, 2**63 - 1):
            for resource in (math.nan, 0, -1, math.inf, 1):
                wrong = Call(trial=trial, count=count, resource=resource, seconds=math.nan, values=values)
                for function in (library.tt_report, library.tt_complete):
                    assert function(handle, ctypes.byref(wrong)) < 0
                    taken(library, wrong.text)
    missing = Call(trial=0, count=1, resource=math.nan)
    assert library.tt_complete(handle, ctypes.byref(missing)) < 0
    taken(library, missing.text)
    good = Call(trial=0, count=1, resource=math.nan, seconds=-5, values=values)
    assert library.tt_complete(handle, ctypes.byref(good)) == 3
    assert library.tt_ask(handle, ctypes.byref(Call(capacity=-5, values=values))) == 0
    assert library.tt_close(handle) is None


@pytest.mark.parametrize(
    "request_text",
    [None, b"", b"\xc3\x28", b"{}", b"[]", b'{"verb": 5}', b'{"verb": "fly"}', b'{"verb": "draw"}',
     b'{"verb": "draw", "trial": 0, "name": "y", "parameter": 5}', b'{"verb": "trials", "from": -1}',
     b'{"verb": "trials", "from": 1e300}', b'{"verb": "trials", "only": [9223372036854775807]}',
     b'{"verb": "trials", "only": [-1]}', b'{"verb": "settle", "trial": 0, "used": {"x": 5}}',
     b'{"verb": "add", "trials": [{}]}', b'{"verb": "add", "trials": {}}',
     b'{"verb": "add", "trials": [{"state": "completed", "used": {"x": {"value": 7}}}]}',
     b'{"verb": "add", "trials": [{"state": "completed", "curve": {"resource": [1], "value": []}}]}',
     b'{"verb": "note", "key": "", "value": 1}', b'{"verb": "note", "trial": 99, "key": "k", "value": 1}',
     b'{"verb": "cancel", "trial": 99}', b'{"verb": "complete", "trial": 99, "metrics": {"loss": 1}}',
     b'{"verb": "enqueue", "config": {"x": 1e400}}', b'{"verb": "enqueue", "config": []}',
     b'{"verb": "open", "study": {}}', b"[" * 1_000_000, b'{"a":' * 1_000_000])
def test_requests_that_cannot_be_carried_out_change_nothing(library: Any, request_text: bytes | None) -> None:
    handle = opened(library)
    assert "error" in taken(library, library.tt_request(handle, request_text))
    assert taken(library, library.tt_request(handle, b'{"verb": "describe"}'))["result"]["count"] == 0
    assert library.tt_close(handle) is None


def test_only_the_interface_is_exported_and_only_system_libraries_are_needed() -> None:
    library = next(Path(native_folder()).glob("libtrimtab.*"))
    if library.suffix != ".so":
        pytest.skip("binutils show the symbols of ELF files")
    symbols = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True)
    exported = {line.split()[-1] for line in symbols.stdout.splitlines() if line.split()[-2] in "TBDRVW"}
    assert {name for name in exported if not name.startswith("tt_")} == set()
    assert len(exported) == 8
    needed = subprocess.run(["ldd", str(library)], capture_output=True, text=True, check=True).stdout
    assert "swift" not in needed
    assert "sqlite" not in needed
    assert "openblas" not in needed
