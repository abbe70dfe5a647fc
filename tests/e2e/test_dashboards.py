# SPDX-License-Identifier: MIT
"""The dashboards in share/grafana: each query, asked of a real Prometheus and a real InfluxDB that have a run, has an answer."""
from __future__ import annotations

import json
import math
import os
import re
import shutil
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from finished import Finished
from influx import Front, influxdb
from test_prometheus import prometheus

FOLDER = Path(__file__).parent.parent.parent / "share" / "grafana"
SCRIPT = """
import rampa
config = rampa.Config(options=rampa.Options(base_url="{url}"))

@rampa.scenario(executor="constant-vus", vus=2, duration="2500ms")
async def browse(worker):
    response = await worker.http.post("/")
    worker.check(response, {{"is up": lambda r: r.status == 200}})
    await worker.sleep(0.05)
    assert worker.execution.iteration % 4 != 3

@rampa.scenario(executor="constant-arrival-rate", rate=20, duration="2500ms", pre_allocated_vus=1, max_vus=1)
async def late(worker):
    await worker.sleep(0.2)
"""


def load(name: str) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads((FOLDER / f"rampa-{name}.json").read_text())
    return dashboard


def queries(name: str, key: str) -> Iterator[tuple[str, str]]:
    """Titles and queries, with values for the variables of Grafana."""
    values = {"$__rate_interval": "1m", "$__interval_ms": "1000", "$__interval": "1s", "$timeFilter": "time > now() - 1h", "$scenario": ".*", "$name": ".*"}
    for panel in load(name)["panels"]:
        for target in panel["targets"]:
            yield panel["title"], re.sub(r"\$\w+", lambda found: values[found[0]], target[key])


@pytest.mark.parametrize("name", ["prometheus", "influxdb"])
def test_a_dashboard_is_whole(name: str) -> None:
    dashboard = load(name)
    assert dashboard["uid"] == f"rampa-{name}"
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource", "scenario", "name"}
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places) == len({panel["id"] for panel in dashboard["panels"]})
    for panel in dashboard["panels"]:
        assert panel["title"] and panel["fieldConfig"]["defaults"]["unit"]
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": name, "uid": "${datasource}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the databases are asked once, with the ordinary build")
@pytest.mark.skipif(not shutil.which("prometheus") or not shutil.which("influxd"), reason="there is no prometheus, or no influxd")
def test_every_query_has_an_answer(rampa: Callable[..., Finished], script: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "influx").mkdir()
    target = Front("", *[b"ok"] * 10000).listen()
    script(SCRIPT.format(url=target.url))
    with prometheus(tmp_path / "prometheus") as metrics, influxdb(tmp_path / "influx") as influx:
        influx.query('CREATE DATABASE "db"')
        rampa("run", "script.py", "-q", "-O", f"prometheus={metrics}", "-O", f"influxdb={influx.url}/db", code=2)
        target.close()
        now = json.load(urllib.request.urlopen(f"{metrics}/api/v1/query?query=max(timestamp(rampa_vus))", timeout=60))["data"]["result"][0]["value"][1]
        for title, query in queries("prometheus", "expr"):
            words = urllib.parse.urlencode({"query": query, "time": now})
            with urllib.request.urlopen(f"{metrics}/api/v1/query?{words}", timeout=60) as answer:
                found = json.load(answer)["data"]["result"]
            assert found and not any(math.isnan(float(one["value"][1])) for one in found), f"{title}: {query}"
        for title, query in queries("influxdb", "query"):
            (series, *_) = influx.query(query, "db") or pytest.fail(f"{title}: {query}")
            assert any(value is not None for row in series["values"] for value in row[1:]), f"{title}: {query}"
        for name, of in (("scenario", "browse"), ("name", "/")):
            (query,) = [variable["query"] for variable in load("influxdb")["templating"]["list"] if variable["name"] == name]
            assert of in [value for series in influx.query(query, "db") for _, value in series["values"]]
            (query,) = [variable["query"]["query"] for variable in load("prometheus")["templating"]["list"] if variable["name"] == name]
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()  # type: ignore[union-attr]
            words = urllib.parse.urlencode({"match[]": series.replace("$scenario", ".*")})
            with urllib.request.urlopen(f"{metrics}/api/v1/series?{words}", timeout=60) as answer:
                assert of in [one.get(label) for one in json.load(answer)["data"]]
