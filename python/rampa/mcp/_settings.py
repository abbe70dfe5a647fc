# SPDX-License-Identifier: MIT
"""What the environment says to the MCP server: where it listens, which files it may touch, and how much may run."""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import ipaddress
import os
import re
import typing

from rampa.config import parse_duration

#: Names of variables that scripts inherit. A server of an agent often holds keys that no script needs.
INHERITED = (
    "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "PYTHONPATH", "RAMPA_LOOP", "RAMPA_PATIENCE", "RAMPA_PYTHON", "RAMPA_WIRE",
    "SHELL", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV",
)  # fmt: skip

_HOST = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_NAMES = ("RAMPA_MCP_ALLOW", "RAMPA_MCP_AT_END", "RAMPA_MCP_ENV", "RAMPA_MCP_KEEP", "RAMPA_MCP_MAX_DURATION", "RAMPA_MCP_MAX_RUNS", "RAMPA_MCP_ROOT", "RAMPA_MCP_TOKEN")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SettingsError(Exception):
    """A variable of the environment that the server cannot work with. The text names the variable and the remedy."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the variables ``FASTMCP_*`` and ``RAMPA_MCP_*`` say.

    Attributes:
        root: real path of the folder that all files must be in.
        program: path of rampa, or None for the one that belongs to the package.
        transport: how clients are spoken to.
        host: where HTTP is served.
        port: of HTTP; 0 for a free one.
        token: that HTTP clients must have, or None.
        max_runs: how many runs may be on at the same time.
        max_duration: seconds of a run.
        keep: seconds that a finished run is remembered.
        inherited: names of further variables that scripts get.
        allow: hosts, addresses and networks that runs may connect to; none means all.
        at_end: what becomes of the runs that are on when the server ends.
    """

    root: str
    program: str | None = None
    transport: typing.Literal["stdio", "http"] = "stdio"
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    max_runs: int = 4
    max_duration: float = 3600.0
    keep: float = 3600.0
    inherited: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    at_end: typing.Literal["stop", "finish"] = "stop"

    @classmethod
    def from_environment(cls, environ: collections.abc.Mapping[str, str], program: str | None = None) -> Settings:
        """Reads the variables.

        Args:
            environ: such as ``os.environ``.
            program: path of rampa, or None for the one that belongs to the package.

        Raises:
            SettingsError: when one of them is of no use.
        """
        _refuse_unknown(environ)
        host = environ.get("FASTMCP_HOST") or "127.0.0.1"
        token = environ.get("RAMPA_MCP_TOKEN") or None
        transport = _transport(environ.get("FASTMCP_TRANSPORT") or "stdio")
        if token is not None and (len(token) < 16 or not token.isascii() or not token.isprintable() or " " in token):
            raise SettingsError("RAMPA_MCP_TOKEN must have at least 16 printable characters of ASCII, and no blanks")
        if transport == "http" and host not in LOOPBACK and token is None:
            raise SettingsError(f"FASTMCP_HOST is {host!r}, which other machines can reach: set RAMPA_MCP_TOKEN, or listen on 127.0.0.1")
        return cls(
            root=_root(environ.get("RAMPA_MCP_ROOT")),
            program=program,
            transport=transport,
            host=host,
            port=_number(environ, "FASTMCP_PORT", 8000, 0, 65535),
            token=token,
            max_runs=_number(environ, "RAMPA_MCP_MAX_RUNS", 4, 1, 64),
            max_duration=_seconds(environ, "RAMPA_MCP_MAX_DURATION", 3600.0),
            keep=_seconds(environ, "RAMPA_MCP_KEEP", 3600.0),
            inherited=_names(environ.get("RAMPA_MCP_ENV", "")),
            allow=_allowed(environ.get("RAMPA_MCP_ALLOW", "")),
            at_end=_at_end(environ.get("RAMPA_MCP_AT_END") or "stop"),
        )

    def environment_of_scripts(self, environ: collections.abc.Mapping[str, str]) -> dict[str, str]:
        """The variables that a child process gets: those of the allow-list, LC_* and those that RAMPA_MCP_ENV names.

        Args:
            environ: such as ``os.environ``.
        """
        names = {*INHERITED, *self.inherited} - {"RAMPA_MCP_TOKEN"}
        return {name: value for name, value in environ.items() if name in names or name.startswith("LC_")}


def _refuse_unknown(environ: collections.abc.Mapping[str, str]) -> None:
    """A limit that is misspelt would be none."""
    for name in environ:
        if name.startswith("RAMPA_MCP_") and name not in _NAMES:
            near = difflib.get_close_matches(name, _NAMES, 1)
            raise SettingsError(f"{name} is no variable of the server: {f'did you mean {near[0]}?' if near else 'docs/mcp.md lists them'}")


def _transport(name: str) -> typing.Literal["stdio", "http"]:
    if name == "sse":
        raise SettingsError("FASTMCP_TRANSPORT is 'sse', which MCP has given up in its revision of 2025-03-26: set it to http or stdio")
    if name not in ("stdio", "http", "streamable-http"):
        raise SettingsError(f"FASTMCP_TRANSPORT is {name!r}: set it to stdio or http")
    return "stdio" if name == "stdio" else "http"


def _at_end(word: str) -> typing.Literal["stop", "finish"]:
    if word not in ("stop", "finish"):
        raise SettingsError(f"RAMPA_MCP_AT_END is {word!r}: set it to stop or finish")
    return "stop" if word == "stop" else "finish"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _allowed(text: str) -> tuple[str, ...]:
    names = _names(text)
    networks = {name: network_of(name) for name in names}
    for name in names:
        if not _HOST.fullmatch(name) and networks[name] is None:
            raise SettingsError(f"RAMPA_MCP_ALLOW has {name!r}, which is no host, address or network: write 127.0.0.1,10.0.0.0/8,staging.example.com")
    if text.strip() and not names:
        raise SettingsError("RAMPA_MCP_ALLOW names nothing: leave it out, or name hosts, addresses or networks")
    return tuple(str(networks[name] or name) for name in names)


def network_of(name: str) -> Network | None:
    """The network that an address or a network is, or None. What belongs to one interface only (``fe80::1%eth0``) is none."""
    try:
        return None if "%" in name else ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None


def _root(path: str | None) -> str:
    root = os.path.realpath(path or os.getcwd())
    if not os.path.isdir(root):
        raise SettingsError(f"RAMPA_MCP_ROOT is {path!r}, which is no folder")
    if root == "/" and not path:
        raise SettingsError("the server was started in '/', which would lay all files open: set RAMPA_MCP_ROOT to the folder of the tests")
    return root


def _number(environ: collections.abc.Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
        raise SettingsError(f"{name} is {text!r}: it must be a whole number from {least} to {most}")
    return int(text)


def _seconds(environ: collections.abc.Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        seconds = parse_duration(text).total_seconds()
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None
    if not 1.0 <= seconds <= 7 * 86400.0:
        raise SettingsError(f"{name} is {text!r}: it must be from 1s to 7 days (168h)")
    return seconds
