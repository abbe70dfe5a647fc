# SPDX-License-Identifier: MIT
"""The script that write_scenario_skeleton writes."""

from __future__ import annotations

import json
import math
import re
import urllib.parse

from rampa.config import parse_duration
from rampa.mcp._failure import Failure
from rampa.mcp._files import shown

_SCRIPT = '''\
"""Loads one URL. Run it with: rampa run {path}"""

import rampa

URL = {url}

config = rampa.Config(
    thresholds={{
        "http_req_failed": ["rate<0.01"],
        "http_req_duration": ["p(95)<500"],
    }},
)


@rampa.scenario({fields})
async def load(worker: rampa.Worker) -> None:
    response = await worker.http.get(URL)
    worker.check(response, {{"status is 200": lambda r: r.status == 200}})
{pause}'''

_MOST = 1_000_000  # iterations a second
_ROOM = 10  # virtual users that a rate has room for at least
_PAUSE = "    await worker.sleep(1)  # as a user would\n"


def text_of_rate(value: str | float) -> str:
    """A rate as rampa reads one: a number has at most nine decimals, and no exponent.

    Args:
        value: a text, which is given as it is, or a number.
    """
    if isinstance(value, str):
        return value
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return text if float(text) or not value else str(value)  # what is too small is not 0: it is refused where it is read


def _rate(value: str | float) -> tuple[str, str, float]:
    """The number of a rate and its time as a script has them, and the iterations a second."""
    hint = "a rate is NUMBER/TIME, as in 500/s, 30/m, 7/3s or 0.5/s, or a number of iterations a second"
    text = text_of_rate(value)
    number, slash, unit = text.partition("/")
    unit = unit if slash else "s"
    unit = f"1{unit}" if unit[:1].isalpha() else unit
    try:
        if not re.fullmatch(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?", number):
            raise ValueError(number)
        seconds = parse_duration(unit).total_seconds()
        a_second = float(number) / seconds
    except (ValueError, ZeroDivisionError):
        raise Failure(f"argument rate: {shown(value)} is not a rate", hint) from None
    if not 0 < a_second <= _MOST:
        raise Failure(f"argument rate is {shown(value)}: it must be more than 0, up to {_MOST} iterations a second", hint)
    return number, "" if seconds == 1.0 else f", time_unit={json.dumps(unit)}", a_second


def skeleton(name: str, url: str, vus: int | None, duration: str, rate: str | float | None) -> str:
    """The text of a script that loads ``url``.

    Args:
        name: of its file, for the docstring.
        url: with http or https.
        vus: virtual users; None for one, or with a rate for as many as iterations of a second need.
        duration: such as ``30s``.
        rate: such as ``20/s``, or a number of iterations a second; None for a closed model.

    Raises:
        Failure: when the URL, the duration or the rate is none.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        has_host = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, has_host = urllib.parse.SplitResult("", "", "", "", ""), False
    if not has_host or not url.isascii() or not url.isprintable() or " " in url:
        raise Failure(f"{shown(url)} is no http or https URL", "write it as http://HOST:PORT/PATH, with percent-encoding")
    if parts.username is not None or parts.password is not None:
        raise Failure("the URL has a user name or password, which would stand in the script", "leave it out, and take it from worker.env in the script")
    try:
        parse_duration(duration)
    except ValueError as error:
        raise Failure(f"argument duration: {error}", "write it as 30s, 1m30s or 250ms") from None
    if rate is None:
        fields = f'executor="constant-vus", vus={vus or 1}, duration={json.dumps(duration)}'
    else:
        number, unit, a_second = _rate(rate)
        most = vus or max(_ROOM, math.ceil(a_second))
        before = min(most, math.ceil(a_second))
        fields = f'executor="constant-arrival-rate", rate={number}{unit}, duration={json.dumps(duration)}, pre_allocated_vus={before}, max_vus={most}'
    safe = ascii(name)[1:-1].replace('"', "'")
    return _SCRIPT.format(path=safe, url=json.dumps(url), fields=fields, pause=_PAUSE if rate is None else "")
