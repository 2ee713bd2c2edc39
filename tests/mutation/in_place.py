"""Mutants of functions tried in a forked process that has everything imported already: a fraction of a new start.

The mutated module is compiled, and the code of every function that exists of it is exchanged for the mutated one of the
same name: whoever imported the function before has the fault too. What stands outside of functions cannot be exchanged.
"""

from __future__ import annotations

import gc
import inspect
import os
import select
import signal
import sys
import traceback
import types
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

# Plug-ins that are imported already cannot be rewritten, which is no fault here.
_QUIETLY = ("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")


def can_be_exchanged(original: str, mutated: str, file: str) -> bool:
    """Whether a fault lies inside of functions, so that exchanging their code plants it."""
    before, after = _functions(compile(original, file, "exec")), _functions(compile(mutated, file, "exec"))
    changed = [name for name in before if name in after and _bytes(before[name]) != _bytes(after[name])]
    return bool(changed) and before.keys() == after.keys()


def prepare(modules: Iterable[str]) -> None:
    """Import what tests will import, so that each child has it: what is computed at import is without the fault."""
    for name in modules:
        with suppress(ImportError):  # a name inside of a module
            import_module(name)


def tried(module: str, mutated: str, tests: Sequence[str], marked: str, timeout: float) -> str:
    """``caught``, ``survived`` or ``timed out``, in a child of this process, which keeps what it has imported."""
    import_module(module)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()  # so that a child which never ends goes with the processes it started
            quiet = os.open(os.devnull, os.O_RDWR)
            for number in (0, 1, 2):
                os.dup2(quiet, number)
            _plant(module, mutated)
            status = pytest.main(["-x", "-q", *_QUIETLY, "-m", marked, *tests])
            os.write(writing, b"%d" % status)
        except BaseException:  # noqa: BLE001 - it must not go on as a second parent
            os.write(writing, traceback.format_exc()[-1000:].encode())
        finally:
            os._exit(0)
    os.close(writing)
    ready, _, _ = select.select([reading], [], [], timeout)
    answer = os.read(reading, 1024) if ready else b""
    os.close(reading)
    if not ready:
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if not ready:
        return "timed out"
    if len(answer) > 1:
        raise RuntimeError(f"{module}: pytest itself failed: {answer.decode()}")
    # Nothing: the process died of it. 5: there is no test with these marks.
    return "survived" if answer in (b"0", b"5") else "caught"


def _plant(module: str, mutated: str) -> None:
    file = str(Path(str(sys.modules[module].__file__)))
    codes = _functions(compile(mutated, file, "exec"))
    for item in gc.get_objects():
        if isinstance(item, types.FunctionType) and item.__code__.co_filename == file:
            code = codes.get(item.__code__.co_qualname)
            if code is not None and len(code.co_freevars) == len(item.__code__.co_freevars):
                item.__code__ = code


def _functions(code: types.CodeType) -> dict[str, types.CodeType]:
    """The code of a module's functions by qualified name, the first of each; bodies of classes have run already."""
    found: dict[str, types.CodeType] = {}
    for inner in _inside(code):
        if inner.co_flags & inspect.CO_OPTIMIZED:
            found.setdefault(inner.co_qualname, inner)
    return found


def _inside(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield constant
            yield from _inside(constant)


def _bytes(code: types.CodeType) -> tuple[object, ...]:
    plain = tuple(_bytes(one) if isinstance(one, types.CodeType) else (type(one), one) for one in code.co_consts)
    return code.co_code, plain, code.co_names
