# SPDX-License-Identifier: MIT
"""Secrets, which no client is to see: an agent hands on what it reads, and scripts and servers say again what they were given.

What a script knows from elsewhere, such as a file, cannot be told from other texts, but for its form.
"""

from __future__ import annotations

import base64
import functools
import os
import re
import typing
import urllib.parse

_HIDDEN = "***"
_VALUE = 6  # characters; what is shorter is part of many texts
_PASSWORD = 4
#: Names of variables whose values are secrets.
_NAME = re.compile(r"token|secret|passw|passphrase|credential|cookie|apikey|(?:^|_)(?:key|auth|pass|authorization)(?:_|$)", re.IGNORECASE)
#: Credentials by their form: user and password of a URL; what follows the scheme in a field Authorization; a word that follows it elsewhere.
_FORMS = re.compile(
    r"(?<=://)[^\s/?#:]*:[^\s/?#]+(?=@)"
    r"|(?P<field>(?i:authorization[\"']?\s?[:=]\s?[\"']?(?:basic|bearer)\s))[^\s\"',;]+"
    r"|(?P<before>(?i:\b(?P<scheme>basic|bearer)\s))(?P<word>[A-Za-z0-9+/=._~-]{4,})"
)


def _userinfo(value: str) -> tuple[str, str] | None:
    """User and password of a URL."""
    try:
        parts = urllib.parse.urlsplit(value) if "://" in value else None
        return None if parts is None or not parts.password else (parts.username or "", parts.password)
    except ValueError:
        return None


def _known() -> tuple[str, ...]:
    """The secrets in the environment of the server, from which that of scripts is taken."""
    found: set[str] = set()
    for name, value in os.environ.items():
        if len(value) >= _VALUE and _NAME.search(name):
            found.add(value)
        pair = _userinfo(value)
        if pair is not None and len(pair[1]) >= _PASSWORD:
            found |= {pair[1], urllib.parse.unquote(pair[1]), base64.b64encode(":".join(map(urllib.parse.unquote, pair)).encode()).decode()}
    return tuple(sorted(found))


@functools.lru_cache(maxsize=4)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    forms: set[str] = set()
    for one in secrets:
        written = urllib.parse.quote(one, safe="", errors="surrogateescape")
        coded = base64.b64encode(one.encode(errors="surrogateescape")).decode()
        forms |= {one, written, re.sub("%..", lambda hit: hit[0].lower(), written), coded, coded.rstrip("=")}
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if forms else None


def _is_credential(scheme: str, word: str) -> bool:
    """Whether a word behind the name of a scheme is none of a sentence, such as of "Bearer authentication is missing"."""
    if len(word) >= 8 and re.search("[0-9=]", word):
        return True
    if scheme.lower() == "basic":
        try:
            plain = base64.b64decode(word + "=" * (-len(word) % 4), validate=True).decode()
        except ValueError:
            return False
        return ":" in plain and plain.isprintable()
    is_mixed = bool(re.search("[0-9]", word) and re.search("[A-Za-z]", word)) or re.search("[a-z][A-Z]", word) is not None
    return is_mixed or (len(word) >= 16 and word.isalpha())


def _hide(hit: re.Match[str]) -> str:
    if hit["word"] is None:
        return (hit["field"] or "") + _HIDDEN
    return hit["before"] + _HIDDEN if _is_credential(hit["scheme"], hit["word"]) else hit[0]


def conceal(text: str) -> str:
    """A text with marks in place of the secrets.

    Args:
        text: whole: a part of a secret is not found.
    """
    pattern = _pattern(_known())
    return _FORMS.sub(_hide, text if pattern is None else pattern.sub(_HIDDEN, text))


def concealed(value: typing.Any) -> typing.Any:
    """What JSON can hold, with marks in place of the secrets in all its texts and names.

    Args:
        value: that a client is to get.
    """
    if isinstance(value, str):
        return conceal(value)
    if isinstance(value, dict):
        return {conceal(str(name)): concealed(one) for name, one in value.items()}
    return [concealed(one) for one in value] if isinstance(value, (list, tuple)) else value
