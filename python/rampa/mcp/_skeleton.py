# SPDX-License-Identifier: MIT
"""The script that write_scenario_skeleton writes."""

from __future__ import annotations

import json
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

_PAUSE = "    await worker.sleep(1)  # as a user would\n"


def skeleton(name: str, url: str, vus: int, duration: str, rate: int | None) -> str:
    """The text of a script that loads ``url``.

    Args:
        name: of its file, for the docstring.
        url: with http or https.
        vus: virtual users.
        duration: such as ``30s``.
        rate: iterations a second, or None for a closed model.

    Raises:
        Failure: when the URL or the duration is none.
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
        raise Failure(str(error), "write it as 30s, 1m30s or 250ms") from None
    if rate is None:
        fields = f'executor="constant-vus", vus={vus}, duration={json.dumps(duration)}'
    else:
        fields = f'executor="constant-arrival-rate", rate={rate}, duration={json.dumps(duration)}, pre_allocated_vus={min(vus, rate)}, max_vus={vus}'
    safe = ascii(name)[1:-1].replace('"', "'")
    return _SCRIPT.format(path=safe, url=json.dumps(url), fields=fields, pause=_PAUSE if rate is None else "")
