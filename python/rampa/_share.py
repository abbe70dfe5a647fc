"""What setup() returned, on its way to the other workers."""

import pickle
import reprlib
import typing

from rampa.errors import ScriptError

_DEPTH = 20
_PROTOCOL = 5
_HINT = "return plain data and open the rest where it is used, or use --workers 1"


def _parts(value: typing.Any, path: str) -> typing.Iterator[tuple[str, typing.Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"a key of {path}", key
            yield f"{path}[{reprlib.repr(key)}]", item
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield f"{path}[{index}]", item
    elif isinstance(value, (set, frozenset)):
        for item in value:
            yield f"an item of {path}", item
    else:
        for name, item in getattr(value, "__dict__", {}).items():
            yield f"{path}.{name}", item


def _pickles(value: typing.Any) -> bool:
    try:
        pickle.dumps(value, _PROTOCOL)
    except Exception:  # whatever a __reduce__ raises
        return False
    return True


def _culprit(value: typing.Any, path: str, depth: int = 0) -> tuple[str, typing.Any]:
    """The innermost part that cannot be pickled, and where it is."""
    if depth < _DEPTH:
        for where, item in _parts(value, path):
            if not _pickles(item):
                return _culprit(item, where, depth + 1)
    return path, value


def _kind(value: typing.Any) -> str:
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


class NotShareable(ScriptError):
    """setup() returned something that only its own process can use."""


def pack(value: typing.Any) -> bytes:
    try:
        return pickle.dumps(value, _PROTOCOL)
    except Exception as error:  # whatever a __reduce__ raises
        path, culprit = _culprit(value, "the result of setup()")
        raise NotShareable(
            f"PicklingError: {path} is of type {_kind(culprit)}, which cannot be sent to the other workers ({error}); {_HINT}"
        ) from None


def unpack(data: bytes) -> typing.Any:
    return pickle.loads(data)
