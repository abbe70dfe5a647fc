# SPDX-License-Identifier: MIT
"""Archives of tests: a script and its data in one file. ``rampa archive`` makes them with what the script imports, too.

An archive is code: running one executes it. Its checksum says that it is whole, and nothing of who has made it.
"""

from __future__ import annotations

import collections.abc
import os
import pathlib

from rampa._archive import REQUIREMENTS, VERSION, Archive, ArchiveError, ArchiveManifest, write

__all__ = ["ArchiveError", "ArchiveManifest", "create_archive", "extract_archive"]


def create_archive(
    script_path: str | os.PathLike[str],
    output_path: str | os.PathLike[str],
    data_files: collections.abc.Iterable[str | os.PathLike[str]] | None = None,
    requirements: collections.abc.Iterable[str] | None = None,
) -> pathlib.Path:
    """Makes an archive of a script and of files that it reads.

    The script is ``script.py`` in it. A data file is below ``data``: by its path from the folder of the script, or by its name alone
    when it is elsewhere.

    Args:
        script_path: the script.
        output_path: the archive.
        data_files: files to add.
        requirements: packages that the script needs, a text each.

    Returns:
        The path of the archive.

    Raises:
        FileNotFoundError: there is no such script or data file.
        ArchiveError: two files would have one name, or there are too many.
    """
    script, output = pathlib.Path(script_path), pathlib.Path(output_path)
    if not script.exists():
        raise FileNotFoundError(f"script not found: {script}")
    contents = {"script.py": script.read_bytes()}
    folder = script.resolve().parent
    for path in map(pathlib.Path, data_files or ()):
        place = path.resolve()
        name = "data/" + (place.relative_to(folder).as_posix() if place.is_relative_to(folder) else path.name)
        if name in contents:
            raise ArchiveError(f"two data files would be called {name!r}", "put them into folders below that of the script")
        contents[name] = path.read_bytes()
    needed = list(requirements or ())
    if needed:
        contents[REQUIREMENTS] = "".join(f"{line}\n" for line in needed).encode()
    manifest = {
        "version": VERSION,
        "entrypoint": "script.py",
        "dependencies": needed,
        "data_files": [name for name in contents if name.startswith("data/")],
    }
    write(output, manifest, contents)
    return output


def extract_archive(archive_path: str | os.PathLike[str], target_dir: str | os.PathLike[str]) -> ArchiveManifest:
    """Unpacks an archive, after everything in it was checked. Files of the same names are replaced.

    Args:
        archive_path: the archive, of ``rampa archive`` or of ``create_archive()``.
        target_dir: the folder, which is made when it is not there.

    Returns:
        What the archive says of itself.

    Raises:
        ArchiveError: it is damaged or hostile. Nothing has been written.
    """
    with Archive(archive_path) as archive:
        archive.unpack(target_dir)
        return archive.manifest
