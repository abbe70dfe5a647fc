"""Exceptions and frames: their texts, and which frames are the user's own code."""

from __future__ import annotations

import itertools
import linecache
import os
import re
import traceback
import types
import typing

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_FRAMES_AT_ENDS = 20
_TEXT_MAX = 4000
_TRACEBACK_MAX = 20_000
_NAME_MAX = 200
_STDLIB = os.path.dirname(os.__file__) + os.sep


def is_ours(filename: str) -> bool:
    return filename.startswith((_PACKAGE, "<frozen importlib"))


def is_users(filename: str) -> bool:
    """Whether a file is the user's own code rather than the library of Python, a package's or rampa's."""
    return not filename.startswith(("<", _STDLIB)) and "-packages" not in filename and not is_ours(filename)


def kind_of_file(filename: str) -> bool | None:
    """Whose code a file holds: True the user's, False a library's, None that of Python itself or of rampa."""
    if is_ours(filename) or filename.startswith("<") or (filename.startswith(_STDLIB) and "-packages" not in filename):
        return None
    return is_users(filename)


def users_frame(frame: types.FrameType | None) -> types.FrameType | None:
    """The innermost frame that is the user's, from ``frame`` outwards."""
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def users_place(error: BaseException) -> tuple[types.CodeType | None, int]:
    """Code and line of the innermost frame of a traceback that is the user's, or the innermost at all."""
    found = innermost = None
    tb = error.__traceback__
    while tb is not None:
        innermost = tb
        if is_users(tb.tb_frame.f_code.co_filename):
            found = tb
        tb = tb.tb_next
    chosen = found or innermost
    return (chosen.tb_frame.f_code, chosen.tb_lineno) if chosen else (None, 0)


class _Stack(traceback.StackSummary):
    """Of a recursion without end the first and the last frames say all."""

    def format(self, **kwargs: typing.Any) -> list[str]:
        frames = super().format(**kwargs)
        left_out = len(frames) - 2 * _FRAMES_AT_ENDS
        if left_out > 0:
            frames[_FRAMES_AT_ENDS:-_FRAMES_AT_ENDS] = [f"  ({left_out} frames left out)\n"]
        return frames


def shorten(text: str, limit: int = _TEXT_MAX) -> str:
    """A text of the script's, which may be of any length (an answer of a server, say), as the user is told of it.

    Args:
        text: the whole of it.
        limit: the number of its characters that are told; of a longer text the middle is left out.
    """
    if len(text) <= limit:
        return text
    end = limit // 4
    return f"{text[:limit - end]} ... ({len(text) - limit} characters left out) ... {text[-end:]}"


def name_of(error: BaseException) -> str:
    """The name of an exception's class."""
    return plain(shorten(type(error).__name__, _NAME_MAX))


def _shorten(told: traceback.TracebackException | None) -> None:
    todo = [told]
    while todo:
        told = todo.pop()
        if told is None or isinstance(told.stack, _Stack):
            continue
        told.stack = _Stack(told.stack)
        if isinstance(text := getattr(told, "_str", None), str):
            told._str = shorten(text, _TEXT_MAX // 4)  # type: ignore[attr-defined]
        todo += (told.__cause__, told.__context__, *(getattr(told, "exceptions", None) or ()))


_OTHER_NAMES = {
    ("Response", "content"): "body",
    ("Response", "data"): "body",
    ("Response", "read"): "body",
    ("Response", "reason_phrase"): "reason",
    ("Response", "elapsed"): "timings",
    ("Response", "is_success"): "ok",
    ("Response", "http_version"): "proto",
}
"""What attributes are called here, when they have another name elsewhere."""


def explain(error: BaseException) -> None:
    """Adds to the text of an AttributeError what was meant, as Python itself does only where it ends by one. Adds to a KeyError of
    ``worker.env`` how to give the variable: a dict that said so itself would be slower each time it is read."""
    if isinstance(error, KeyError):
        _explain_env(error)
        return
    if not isinstance(error, AttributeError) or not error.name or len(error.args) != 1:
        return
    if "did you mean" in str(error.args[0]).lower():
        return
    import difflib

    try:
        meant = _OTHER_NAMES.get((type(error.obj).__name__, error.name))
        if meant is None:
            names = [name for name in dir(error.obj) if not name.startswith("_")]
            meant = next(iter(difflib.get_close_matches(error.name, names, 1, 0.65)), None)
    except Exception:  # dir() may be code of the script
        return
    if meant:
        error.args = (f"{error.args[0]}; did you mean {meant!r}?",)


_READS_ENV = re.compile(r"\benv\s*\[[^\[\]]+\]$")


def _explain_env(error: KeyError) -> None:
    tb, name = error.__traceback__, error.args[0] if error.args else None
    if tb is None or not isinstance(name, str) or getattr(error, "__notes__", None):
        return
    while tb.tb_next is not None:
        tb = tb.tb_next
    code = tb.tb_frame.f_code
    line, last, begin, end = next(itertools.islice(code.co_positions(), tb.tb_lasti // 2, None), (None,) * 4)
    if line is None or line != last:
        return
    text = linecache.getline(code.co_filename, line, tb.tb_frame.f_globals).encode()[begin:end].decode("utf-8", "replace")
    if _READS_ENV.search(text):
        error.add_note(f"give it with --env {name}=...")


def format_error(error: BaseException) -> str:
    """The traceback without rampa's own frames at its ends."""
    explain(error)
    tb = error.__traceback__
    while tb is not None and is_ours(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    told = traceback.TracebackException(type(error), error, tb)
    while told.stack and is_ours(told.stack[-1].filename):
        del told.stack[-1]
    _shorten(told)
    return shorten("".join(told.format()).rstrip("\n"), _TRACEBACK_MAX)


def plain(text: str) -> str:
    """A text that C can take, which has UTF-8 and no NUL: what is neither (in an odd file name, say) becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def text_of(error: BaseException) -> str:
    """The str() of an exception, which is code of the script and may raise itself, and its notes."""
    explain(error)
    try:
        return plain(shorten("; ".join(str(part) for part in (error, *getattr(error, "__notes__", ())))))
    except Exception:
        return "(its text cannot be had)"
