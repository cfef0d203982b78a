"""The engine behind a study: in this process over its C interface, or anywhere else over messages."""

from __future__ import annotations

import ctypes
import json
import math
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._errors import TrimtabError, raise_answer

RUN, WAIT, FINISHED = 0, 1, 2
PROCEED, PAUSE, STOP = 0, 1, 2
COMPLETED, FAILED = 3, 5

_VERDICTS = {"proceed": PROCEED, "pause": PAUSE, "stop": STOP}
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def number(value: Any) -> float:
    """A number as the protocol writes it: texts stand for those that JSON has not."""
    return _NOT_FINITE[value] if isinstance(value, str) else float(value)


class Run:
    """A trial to run. Its values come by slot (in process) or by name (over messages)."""

    __slots__ = ("attempt", "config", "notes", "number", "reached", "revision", "seed", "slots", "target")

    def __init__(
        self, number: int, attempt: int, seed: int, target: float | None, reached: float | None, revision: int,
        slots: list[float] | None, config: dict[str, Any] | None, notes: dict[str, Any],
    ) -> None:
        self.number = number
        self.attempt = attempt
        self.seed = seed
        self.target = target
        self.reached = reached
        self.revision = revision
        self.slots = slots
        self.config = config
        self.notes = notes


class Transport:
    """Carries requests to a study and its answers back. Subclasses say how; any thread may call them."""

    def exchange(self, message: str) -> str:
        """The answer to one message."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the study. Trials that run are given back."""

    def request(self, verb: str, **members: Any) -> Any:
        """The content of the answer to a request.

        Raises the error that the answer holds.
        """
        message = {"verb": verb, **members}
        answer = json.loads(self.exchange(json.dumps(message, ensure_ascii=False)))
        if "error" in answer:
            raise_answer(answer["error"])
        return answer

    def result(self, verb: str, **members: Any) -> Any:
        """What a library's request asked for."""
        return self.request(verb, **members)["result"]

    def ask(self) -> tuple[int, Run | str | None]:
        """What to do next: ``RUN`` with a run, ``WAIT``, or ``FINISHED`` with the reason."""
        answer = self.request("ask")
        if "wait" in answer:
            return WAIT, None
        if "finished" in answer:
            return FINISHED, answer["finished"]
        run = answer["run"]
        return RUN, Run(
            run["trial"], run["attempt"], run.get("seed", 0), run.get("target"), run.get("from"), -1, None,
            run["config"], run.get("notes", {}))

    def report(self, trial: int, resource: float | None, values: Sequence[float], metrics: Sequence[str]) -> int:
        """Record values of a running trial; returns the verdict."""
        members: dict[str, Any] = {"trial": trial, "metrics": dict(zip(metrics, values, strict=False))}
        if resource is not None:
            members["resource"] = resource
        return _VERDICTS[self.request("report", **members)["verdict"]]

    def complete(
        self, trial: int, resource: float | None, values: Sequence[float], metrics: Sequence[str], seconds: float
    ) -> int:
        """Record final values and end the trial; returns ``COMPLETED`` or ``FAILED``."""
        members: dict[str, Any] = {
            "trial": trial, "metrics": dict(zip(metrics, values, strict=False)), "seconds": seconds}
        if resource is not None:
            members["resource"] = resource
        return COMPLETED if self.request("complete", **members)["state"] == "completed" else FAILED


class _Call(ctypes.Structure):
    _fields_ = [
        ("trial", ctypes.c_int64),
        ("attempt", ctypes.c_int64),
        ("seed", ctypes.c_int64),
        ("revision", ctypes.c_int64),
        ("capacity", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("has_notes", ctypes.c_int64),
        ("target", ctypes.c_double),
        ("reached", ctypes.c_double),
        ("resource", ctypes.c_double),
        ("seconds", ctypes.c_double),
        ("values", ctypes.POINTER(ctypes.c_double)),
        ("text", ctypes.c_void_p),
    ]


class _Buffers(threading.local):
    """Each thread's own record for calls, so that threads need not wait for each other outside of the engine."""

    def __init__(self) -> None:
        self.call = _Call()
        self.pointer = ctypes.byref(self.call)
        self.resize(64)

    def resize(self, capacity: int) -> None:
        self.capacity = capacity
        self.values = (ctypes.c_double * capacity)()
        self.call.values = ctypes.cast(self.values, ctypes.POINTER(ctypes.c_double))
        self.call.capacity = capacity


def native_folder() -> Path:
    """Where the shared library and the program are."""
    given = os.environ.get("TRIMTAB_NATIVE")
    return Path(given) if given else Path(__file__).parent / "_native"


_library: Any = None
_loading = threading.Lock()


def library() -> Any:
    """The shared library, loaded at its first use."""
    global _library
    if _library is None:
        with _loading:
            if _library is None:
                _library = _load()
    return _library


def _load() -> Any:
    path = native_folder() / ("libtrimtab.dylib" if sys.platform == "darwin" else "libtrimtab.so")
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        hint = "install the wheel for this system (pip install trimtab), or set TRIMTAB_NATIVE to the library's folder"
        if "GLIBC" in str(error):
            hint = "this system's C library is too old: Debian 12, Ubuntu 22.04, RHEL 9.5 and later ones will do"
        raise TrimtabError(f"the library of trimtab cannot be loaded: {error} ({hint})") from error
    call = ctypes.c_void_p
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "tt_version": (ctypes.c_char_p, []),
        "tt_open": (ctypes.c_int64, [ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]),
        "tt_request": (ctypes.c_void_p, [ctypes.c_int64, ctypes.c_char_p]),
        "tt_ask": (ctypes.c_int32, [ctypes.c_int64, call]),
        "tt_report": (ctypes.c_int32, [ctypes.c_int64, call]),
        "tt_complete": (ctypes.c_int32, [ctypes.c_int64, call]),
        "tt_close": (ctypes.c_void_p, [ctypes.c_int64]),
        "tt_free": (None, [ctypes.c_void_p]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(loaded, name)
        function.restype = result
        function.argtypes = arguments
    return loaded


def version() -> str:
    """The engine's version."""
    return str(library().tt_version().decode())


class Local(Transport):
    """A study of this process."""

    def __init__(self, study: Any, store: str | None, mode: str) -> None:
        self._handle = 0
        self._library = library()
        self._ask = self._library.tt_ask
        self._buffers = _Buffers()
        request = json.dumps({"study": study, "store": store, "mode": mode}, ensure_ascii=False)
        text = ctypes.c_void_p()
        handle = self._library.tt_open(_encoded(request), ctypes.byref(text))
        if handle == 0:
            raise_answer(json.loads(self._take(text.value))["error"])
        self._handle = handle

    def _take(self, address: int | None) -> str:
        """A text of the library's, which is freed."""
        if not address:
            raise TrimtabError("the engine gave no answer: out of memory?")
        try:
            return ctypes.string_at(address).decode()
        finally:
            self._library.tt_free(address)

    def exchange(self, message: str) -> str:
        return self._take(self._library.tt_request(self._handle, _encoded(message)))

    def _fail(self, call: Any) -> Any:
        raise_answer(json.loads(self._take(call.text))["error"])

    def ask(self) -> tuple[int, Run | str | None]:
        buffers = self._buffers
        call = buffers.call
        code = self._ask(self._handle, buffers.pointer)
        if code == RUN:
            count = call.count
            if count <= buffers.capacity:
                slots = buffers.values[:count]
                config = None
            else:
                # More parameters than there was room for; the run itself is ours already.
                buffers.resize(2 * count)
                slots = None
                config = self.result("trials", only=[call.trial])[0]["config"]
            notes = self.result("trials", only=[call.trial])[0].get("notes", {}) if call.has_notes else {}
            target = call.target
            reached = call.reached
            return RUN, Run(
                call.trial, call.attempt, call.seed, None if target != target else target,
                None if reached != reached else reached, call.revision, slots, config, notes)
        if code == WAIT:
            return WAIT, None
        if code == FINISHED:
            return FINISHED, self._take(call.text)
        return self._fail(call)  # type: ignore[no-any-return]

    def _fill(self, trial: int, resource: float | None, values: Sequence[float]) -> _Buffers:
        buffers = self._buffers
        if len(values) > buffers.capacity:
            buffers.resize(len(values))
        call = buffers.call
        call.trial = trial
        call.resource = math.nan if resource is None else resource
        call.count = len(values)
        for index, value in enumerate(values):
            buffers.values[index] = value
        return buffers

    def report(self, trial: int, resource: float | None, values: Sequence[float], metrics: Sequence[str]) -> int:
        buffers = self._fill(trial, resource, values)
        code = self._library.tt_report(self._handle, buffers.pointer)
        if code < 0:
            self._fail(buffers.call)
        return code  # type: ignore[no-any-return]

    def complete(
        self, trial: int, resource: float | None, values: Sequence[float], metrics: Sequence[str], seconds: float
    ) -> int:
        buffers = self._fill(trial, resource, values)
        buffers.call.seconds = seconds
        code = self._library.tt_complete(self._handle, buffers.pointer)
        if code < 0:
            self._fail(buffers.call)
        return code  # type: ignore[no-any-return]

    def close(self) -> None:
        handle, self._handle = self._handle, 0
        if handle == 0:
            return
        address = self._library.tt_close(handle)
        if address:
            answer = json.loads(self._take(address))
            # What a parent process has open is not this one's to close.
            if answer["error"].get("kind") not in ("forked", "closed"):
                raise_answer(answer["error"])


def _encoded(text: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"a text holds half of a surrogate pair and cannot be written: {error.object!r}") from None
    if b"\0" in data:
        raise ValueError("a text holds a NUL character")
    return data
