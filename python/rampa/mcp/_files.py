# SPDX-License-Identifier: MIT
"""The files that clients name: each stays under the root, and none is overwritten.

What is read is named by its path, since a script is looked for by its name, and its modules beside it. Somebody who
exchanges a folder for a link between the look at the path and the opening of the file gets a file from elsewhere read. Only who
can write below the root can do that, and who can do that may as well write a script, which is executed. What is written is
opened from folder to folder, so it is always below the root.
"""

from __future__ import annotations

import collections.abc
import contextlib
import os
import stat

from rampa.mcp._failure import Failure

_LENGTH = 4096


def shown(text: object, limit: int = 200) -> str:
    """A text as it can be printed, in quotes: it may come from a server or a script, and be hostile."""
    line = str(text)
    return ascii(line if len(line) <= limit else line[:limit] + "...")


def _inside(root: str, name: str) -> str:
    """The real path of ``name``, which must be in ``root`` after all symbolic links."""
    if not name or len(name) > _LENGTH or "\0" in name:
        raise Failure("a path must have from 1 to 4096 characters, and no NUL", "name a file below the root of the server")
    path = os.path.realpath(os.path.join(root, name))
    if os.path.commonpath([root, path]) != root:
        raise Failure(f"{shown(name)} is outside of the root of the server", f"name a file below {shown(root)}, or set RAMPA_MCP_ROOT")
    return path


def existing(root: str, name: str, what: str, endings: tuple[str, ...]) -> str:
    """The real path of a file that is there.

    Args:
        root: real path of a folder.
        name: as the client has written it, relative to the root or absolute.
        what: for messages, such as ``test script``.
        endings: with which the name may end.

    Raises:
        Failure: when there is no such file, or it is no regular file under the root.
    """
    path = _inside(root, name)
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise Failure(f"{what} not found: {shown(name)}", f"{error.strerror}; paths are relative to {shown(root)}") from None
    if not stat.S_ISREG(mode):
        raise Failure(f"{what} is no file: {shown(name)}", "name a regular file")
    if not path.endswith(endings):
        raise Failure(f"{what} has a name that does not end with {' or '.join(endings)}: {shown(name)}", f"name a {what}")
    return path


@contextlib.contextmanager
def _folder(root: str, path: str) -> collections.abc.Iterator[int]:
    """A descriptor of a folder below the root, which is opened without following a symbolic link.

    Args:
        root: real path of a folder.
        path: real path of the folder, as it was when it was looked at.
    """
    fd = os.open(root, os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in os.path.relpath(path, root).split(os.sep):
            inner = os.open(name, os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


def write_new(root: str, name: str, endings: tuple[str, ...], content: bytes) -> str:
    """Makes a file.

    Returns:
        Its real path.

    Raises:
        Failure: when there is something of that name, which is never overwritten, or the folder is missing.
    """
    path = _inside(root, name)
    if not path.endswith(endings):
        raise Failure(f"the name of the file must end with {' or '.join(endings)}: {shown(name)}", "change the path")
    what = "make"
    try:
        with _folder(root, os.path.dirname(path)) as folder:
            base = os.path.basename(path)
            fd = os.open(base, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder)
            what = "write"
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(content)
            except OSError:
                os.unlink(base, dir_fd=folder)
                raise
    except FileExistsError:
        raise Failure(f"{shown(name)} exists already, and is not overwritten", "choose another path") from None
    except OSError as error:
        hint = "choose a folder that exists and can be written to" if what == "make" else "make room on the disk, or choose another path"
        raise Failure(f"cannot {what} {shown(name)}: {error.strerror}", hint) from None
    return path
