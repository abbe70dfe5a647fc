# SPDX-License-Identifier: MIT
"""Numbers with known true answers."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from started import warnings_of

Rampa = Callable[..., "Finished"]
Script = Callable[..., Path]


def per_vu(body: str, config: str = "", fields: str = "") -> str:
    return (
        f'import rampa\n{config}\n\n@rampa.scenario(executor="per-vu-iterations"{fields})\n'
        f"async def a(worker):\n{body}\n"
    )


# ---- delays ---------------------------------------------------------------------------------------------------------


def test_a_mixture_of_delays_comes_back(rampa: Rampa, script: Script, target: str) -> None:
    """80 % at 20 ms, 15 % at 60 ms, 5 % at 120 ms: an answer is never early, and late by what the machine adds."""
    script(
        per_vu(
            "    n = worker.execution.iteration % 20\n"
            "    ms = 120 if n == 0 else 60 if n < 4 else 20\n"
            f'    r = await worker.http.get(f"{target}/delay/{{ms}}")\n'
            "    assert r.timings.duration >= ms and r.timings.duration >= r.timings.waiting, r.timings\n"
            '    worker.trend("excess", r.timings.duration - ms)',
            fields=", vus=10, iterations=20",
        )
    )
    done = rampa("run", "script.py", out=True, code=0)
    duration = done.metrics()["http_req_duration"]
    late = done.metrics()["excess"]["max"] + 0.5  # what this machine added at the worst, and 0.1 % of a histogram
    assert duration["count"] == 200
    assert 20 <= duration["min"] and duration["max"] <= 120 + late
    assert 20 <= duration["med"] * 1.001 and duration["med"] <= 20 + late
    assert 20 <= duration["p(90)"] <= 60 + late
    assert 60 <= duration["p(95)"] * 1.001 <= 120 + late
    assert 120 <= duration["p(99)"] * 1.001 <= 120 + late
    true_mean = 0.80 * 20 + 0.15 * 60 + 0.05 * 120
    excess = done.metrics()["excess"]["avg"]
    assert duration["avg"] == pytest.approx(true_mean + excess, rel=1e-6)


def test_the_parts_of_a_request_add_up(rampa: Rampa, script: Script, target: str) -> None:
    script(
        per_vu(
            f'    t = (await worker.http.get("{target}/delay/5")).timings\n'
            "    assert abs(t.duration - (t.sending + t.waiting + t.receiving)) < 1e-6\n"
            "    assert t.sending + t.waiting >= 5 and t.blocked > 0 and t.tls_handshaking == 0\n"
            "    assert (t.connecting > 0) == (worker.execution.iteration_in_vu == 0)",
            fields=", vus=2, iterations=10",
        )
    )
    done = rampa("run", "script.py", out=True, code=0)
    metrics = done.metrics()
    parts = sum(metrics[f"http_req_{part}"]["avg"] for part in ("sending", "waiting", "receiving"))
    assert metrics["http_req_duration"]["avg"] == pytest.approx(parts, rel=1e-6)
    assert metrics["iteration_duration"]["min"] >= metrics["http_req_duration"]["min"]


# ---- metrics of the script ------------------------------------------------------------------------------------------


def test_custom_metrics(rampa: Rampa, script: Script) -> None:
    script(
        per_vu(
            "    n = worker.execution.iteration\n"
            '    worker.counter("items")\n'
            '    worker.counter("items", n)\n'
            '    worker.counter("weighed", 0.25, {"kind": "even" if n % 2 == 0 else "odd"})\n'
            '    worker.gauge("level", 100 - n)\n'
            '    worker.rate("lucky", n % 4 == 0)\n'
            '    worker.trend("size", n + 1)\n'
            '    worker.trend(name="size_by", value=n, tags={"kind": "even" if n % 2 == 0 else "odd"})',
            "config = rampa.Config(thresholds={\n"
            '    "items": ["count==5050"], "weighed{kind:odd}": ["count==12.5"], "weighed": ["count==25"],\n'
            '    "level": ["value==1", "min==1", "max==100"], "lucky": ["rate==0.25"],\n'
            '    "size": ["avg==50.5", "min==1", "max==100", "count==100"],\n'
            '    "size_by{kind:even}": ["count==50", "max==98", "min==0"], "size_by{kind:odd}": ["max==99"],\n'
            '    "size_by{kind:none}": ["count==0"]})',
            ", vus=1, iterations=100",
        )
    )
    done = rampa("run", "script.py", out=True, code=0)
    metrics = done.metrics()
    assert metrics["items"]["count"] == 100 + sum(range(100))
    assert metrics["level"] == {"value": 1, "min": 1, "max": 100}
    assert metrics["lucky"] == {"rate": 0.25, "passes": 25, "fails": 75}
    size = metrics["size"]
    assert (size["count"], size["min"], size["max"], size["avg"]) == (100, 1, 100, 50.5)
    assert size["med"] == pytest.approx(50.5, rel=0.002)
    assert size["p(90)"] == pytest.approx(90.1, rel=0.002)
    assert all(threshold["passed"] for threshold in done.result()["thresholds"])


def test_exact_percentiles_of_a_known_sample(rampa: Rampa, script: Script) -> None:
    """A thousand numbers over six decades: each statistic is within 0.1 % of the sorted list's."""
    script(
        per_vu(
            '    n = worker.execution.iteration\n    worker.trend("spread", 1.01389 ** (n * 379 % 1000))',
            fields=", vus=1, iterations=1000",
        )
    )
    done = rampa("run", "script.py", "--summary-trend-stats", "p(1),p(25),p(99.9),med", out=True, code=0)
    values = sorted(1.01389**n for n in range(1000))

    def exact(p: float) -> float:
        at = p / 100 * (len(values) - 1)
        low = int(at)
        return values[low] + (at - low) * (values[min(low + 1, len(values) - 1)] - values[low])

    spread = done.metrics()["spread"]
    for p in (1, 25, 90, 95, 99, 99.9):
        assert spread[f"p({p:g})"] == pytest.approx(exact(p), rel=0.0011), p
    assert spread["med"] == pytest.approx(exact(50), rel=0.0011)
    assert spread["avg"] == pytest.approx(sum(values) / 1000, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ('counter("bad" + "{name")', "ValueError: "),
        ('counter("items", -1)', "ValueError: counter() takes no negative number: use a gauge"),
        ('trend("items")', "TypeError: trend() needs a name and a value"),
        ('trend("items", float("nan"))', "ValueError: trend() takes a finite number, not nan"),
        ('gauge("items", float("inf"))', "ValueError: gauge() takes a finite number, not inf"),
        ('trend("items", "x")', "TypeError: "),
        ('trend("iterat" + "ions", 1)', "ValueError: "),
        ("counter(3)", "TypeError: a metric's name must be a str, not int"),
        ('counter("items", 1, ["tag"])', "TypeError: tags must be a dict of str to str"),
        ('check(1, "x")', "TypeError: check() takes a dict of names and predicates, not str"),
    ],
)
def test_a_wrong_sample_is_an_exception_of_its_line(rampa: Rampa, script: Script, call: str, error: str) -> None:
    script(f"import rampa\nwrong = lambda worker: worker.{call}\n" + per_vu("    wrong(worker)"))
    done = rampa("run", "script.py", out=True, code=2)
    (group,) = done.result()["errors"]["iterations"]
    assert f"{group['type']}: {group['message']}".startswith(error)
    assert group["place"] == "script.py:2 in <lambda>"


def test_methods_of_other_objects_are_no_metrics(rampa: Rampa, script: Script) -> None:
    """worker.rate("x") is found in the text of the script; other objects have such methods too."""
    script(
        "def use(thing): return thing.rate('6/s')\n"
        "class Limiter:\n    def rate(self, text): return text\n    def counter(self, name): return name\n"
        'Limiter().rate("5/s"), Limiter().counter("iterations"), Limiter().counter("a b"), use(Limiter())\n' + per_vu("    pass")
    )
    rampa("run", "script.py", "--quiet", code=0)


def test_a_wrong_name_is_seen_before_the_run(rampa: Rampa, script: Script) -> None:
    script(per_vu('    worker.counter("good_one")\n    worker.counter("bad{one")'))
    assert rampa("check", "script.py", code=1).stderr == (
        "error: script.py:7: the name of a metric must be 1 to 255 characters without control characters, quotes and braces, not 'bad{one'\n"
    )


def test_a_metric_of_a_helper_can_have_a_threshold(rampa: Rampa, script: Script) -> None:
    script(
        "class Page:\n    def __init__(self, worker): self.worker = worker\n"
        '    def visit(self): self.worker.counter("page_visits")\ndef buy(w): w.counter("bought_items", 2)\n'
        + per_vu(
            "    Page(worker).visit()\n    buy(worker)",
            'config = rampa.Config(thresholds={"page_visits": ["count==1"], "bought_items": ["count==2"]})',
        )
    )
    rampa("run", "script.py", "--quiet", code=0)


@pytest.mark.parametrize(
    ("config", "body"),
    [
        ('thresholds={"hits": ["value==3"]}, metrics={"hits": "gauge"}', 'warm(Store())\n    worker.gauge("hits", 3)'),
        ('thresholds={"hits": ["value==3"]}', 'warm(Store())\n    worker.gauge("hits", 3)'),
        ('thresholds={"spent": ["p(95)<10"]}', 't = worker.trend\n    t("spent", 5)'),
        ('thresholds={"spent": ["max<10"]}', 'functools.partial(worker.trend, "spent")(4)'),
        ('thresholds={"spent": ["max<10"]}', "await helper.step(worker)"),
    ],
)
def test_a_guess_from_the_text_of_the_script_refuses_nothing(rampa: Rampa, script: Script, config: str, body: str) -> None:
    """What is declared decides, and then what is recorded: a store has a counter("hits") too."""
    script('async def step(worker): worker.trend("spent", 5)\n', "helper.py")
    script(
        "import functools, helper\n"
        "class Store:\n    def counter(self, name): return 0\n"
        'def warm(store): store.counter("hits")\n' + per_vu(f"    {body}", f"config = rampa.Config({config})")
    )
    rampa("run", "script.py", "--quiet", code=0)


def test_what_is_declared_decides_on_thresholds(rampa: Rampa, script: Script) -> None:
    script(per_vu('    worker.counter("hits")', 'config = rampa.Config(thresholds={"hits": ["count>0"]}, metrics={"hits": "gauge"})'))
    done = rampa("run", "script.py", code=3)
    assert "threshold 'count>0' on 'hits': a gauge has no 'count'" in done.stderr


def test_a_misspelt_metric_is_still_found_before_the_run(rampa: Rampa, script: Script) -> None:
    script(per_vu('    worker.counter("visits")', 'config = rampa.Config(thresholds={"visit": ["count>0"]})'))
    assert "did you mean 'visits'?" in rampa("run", "script.py", code=3).stderr


def test_checks(rampa: Rampa, script: Script, target: str) -> None:
    script(
        per_vu(
            f'    r = await worker.http.get("{target}/json")\n'
            '    good = worker.check(r, {"ok": lambda r: r.status == 200, "json": lambda r: r.json()["ok"]})\n'
            '    bad = worker.check(r, {"ok": lambda r: True, "empty": lambda r: not r.body, "raises": lambda r: 1 / 0})\n'
            "    assert good is True and bad is False\n"
            '    assert worker.check(None, {"a value": 1, "nothing": 0}) is False\n'
            '    assert worker.check(None, {}) is True\n'
            '    worker.check(3, {"tagged": lambda v: v == 3}, tags={"kind": "x"})',
            'config = rampa.Config(thresholds={"checks{check:ok}": ["rate==1"], "checks{kind:x}": ["rate==1"]})',
            fields=", vus=2, iterations=5",
        )
    )
    done = rampa("run", "script.py", out=True, code=0)
    rows = {row["name"]: (row["passes"], row["fails"]) for row in done.result()["checks"]}
    assert rows == {
        "ok": (20, 0), "json": (10, 0), "empty": (0, 10), "raises": (0, 10), "a value": (10, 0), "nothing": (0, 10),
        "tagged": (10, 0),
    }  # fmt: skip
    warning = "check 'raises' raised ZeroDivisionError: division by zero (it counts as failed)"
    assert {"text": warning, "count": 1} in done.result()["warnings"]
    assert done.metrics()["checks"]["passes"] == 50


# ---- tags -----------------------------------------------------------------------------------------------------------


def test_sub_metrics_by_tags_of_requests(rampa: Rampa, script: Script, target: str) -> None:
    script(
        per_vu(
            f'    await worker.http.get("{target}/status/200", tags={{"kind": "a"}})\n'
            f'    await worker.http.get("{target}/status/404", name="missing")\n'
            f'    await worker.http.post("{target}/echo", data=b"x", tags={{"kind": "b"}})',
            "config = rampa.Config(thresholds={\n"
            '    "http_reqs{kind:a}": ["count==5"], "http_reqs{name:missing,status:404}": ["count==5"],\n'
            '    "http_reqs{method:POST}": ["count==5"], "http_reqs{expected_response:false}": ["count==5"],\n'
            '    "http_req_failed{name:missing}": ["rate==1"], "http_req_failed{kind:a}": ["rate==0"],\n'
            "    'http_reqs{url:\"" + target + "/echo\"}': ['count==5'], 'http_reqs{scenario:a}': ['count==15'],\n"
            '    "http_reqs{proto:HTTP/1.1}": ["count==15"], "http_reqs{error_code:1404}": ["count==5"]})',
            fields=", iterations=5",
        )
    )
    done = rampa("run", "script.py", out=True)
    failed = [(t["metric"], t["expression"], t["actual"]) for t in done.result()["thresholds"] if not t["passed"]]
    assert failed == []
    assert done.code == 0


def test_too_many_urls_fold_into_one_series_with_a_warning(rampa: Rampa, script: Script, target: str) -> None:
    script(
        per_vu(
            f'    await worker.http.get(f"{target}/bytes/{{worker.execution.iteration}}")',
            'config = rampa.Config(thresholds={"http_reqs": ["count==2000"]})',
            ", vus=10, iterations=200",
        )
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert done.count("http_reqs") == 2000 == done.metrics()["http_req_duration"]["count"]
    warnings = [warning["text"] for warning in done.result()["warnings"]]
    assert any("name" in text for text in warnings), warnings
    assert done.out.stat().st_size < 1_000_000
    assert "name=" in " ".join(warnings) or "name" in done.stdout


def test_the_remedy_for_many_urls(rampa: Rampa, script: Script, target: str) -> None:
    script(
        per_vu(
            f'    await worker.http.get(f"{target}/bytes/{{worker.execution.iteration}}", name="/bytes/N")',
            'config = rampa.Config(thresholds={"http_reqs{name:/bytes/N}": ["count==2000"]})',
            ", vus=10, iterations=200",
        )
    )
    done = rampa("run", "script.py", out=True, code=0)
    assert done.count("http_reqs") == 2000
    assert warnings_of(done.result()) == {}


# ---- thresholds and the time series ---------------------------------------------------------------------------------


def test_a_threshold_without_samples_fails(rampa: Rampa, script: Script) -> None:
    config = 'config = rampa.Config(thresholds={"http_req_duration": ["p(95)<500"], "http_reqs": ["count<1"]})'
    script(per_vu("    pass", config))
    done = rampa("run", "script.py", out=True, code=1)
    verdicts = [(t["passed"], t["no_samples"], t["actual"]) for t in done.result()["thresholds"]]
    assert verdicts == [(False, True, None), (True, False, 0)]  # a count of nothing is 0


def points(result: dict[str, Any], metric: str, column: str) -> list[Any]:
    series = result["series"][metric]
    return [point[series["columns"].index(column)] for point in series["points"]]


def test_the_series_add_up_to_the_sums(rampa: Rampa, script: Script, target: str) -> None:
    script(
        'import rampa\n@rampa.scenario(executor="constant-vus", vus=3, duration="2300ms")\nasync def a(worker):\n'
        f'    await worker.http.get("{target}/delay/5")\n'
    )
    done = rampa("run", "script.py", out=True, code=0)
    result = done.result()
    requests = result["series"]["http_reqs"]
    assert len(requests["points"]) >= 2
    column = "count" if "count" in requests["columns"] else requests["columns"][2]
    assert sum(points(result, "http_reqs", column)) == done.count("http_reqs")


def test_rates_refer_to_the_time_of_the_run(rampa: Rampa, script: Script) -> None:
    script('import rampa\n@rampa.scenario(executor="constant-vus", duration="500ms")\nasync def a(w): await w.sleep(0.01)\n')
    done = rampa("run", "script.py", out=True, code=0)
    elapsed = done.result()["run"]["elapsed_s"]
    assert done.metrics()["iterations"]["rate"] == pytest.approx(done.count("iterations") / elapsed, rel=1e-6)


def test_setup_and_teardown_are_in_counts_and_in_no_rate(rampa: Rampa, script: Script, target: str) -> None:
    """Their time is not in the time that a rate refers to: a thousand requests of setup() made 20 look like 500 a second."""
    script(
        "import rampa\n"
        'config = rampa.Config(thresholds={"http_reqs": ["rate<30", "count==330"], "prepared": ["rate==0", "count==300"]})\n'
        "async def setup(worker):\n"
        f'    for _ in range(300): await worker.http.get("{target}/"); worker.counter("prepared")\n'
        "async def teardown(worker):\n"
        f'    for _ in range(10): await worker.http.get("{target}/")\n'
        '@rampa.scenario(executor="constant-arrival-rate", rate=10, duration="2s", pre_allocated_vus=3)\n'
        f'async def a(worker): await worker.http.get("{target}/")\n'
    )
    done = rampa("run", "script.py", out=True, code=0)
    elapsed = done.result()["run"]["elapsed_s"]
    assert done.metrics()["http_reqs"]["rate"] == pytest.approx(20 / elapsed, rel=1e-9)
    assert done.count("http_reqs") == 330
    series = done.result()["series"]["http_reqs"]
    assert sum(point[series["columns"].index("sum")] for point in series["points"]) == 20


@pytest.mark.parametrize("workers", ["1", "2", "3"])
def test_sums_of_fractions_are_exact_for_any_number_of_workers(rampa: Rampa, script: Script, workers: str) -> None:
    """The doubles' own sum, rounded once: neither the order nor the number of workers changes a digit, or a verdict."""
    script(
        "import rampa\n"
        "config = rampa.Config(thresholds={\n"
        '    "hours": ["count>=2000", "count<=2000"], "whole": ["count==20000"],\n'
        '    "size": ["avg>=0.1", "avg<=0.1"]})\n'
        '@rampa.scenario(executor="shared-iterations", vus=6, iterations=200)\n'
        "async def a(worker):\n"
        "    for i in range(100):\n"
        '        worker.counter("hours", 0.1); worker.counter("whole"); worker.trend("size", 0.1)\n'
        "        if i % 10 == 0: await worker.sleep(0)\n"
    )
    done = rampa("run", "script.py", "--workers", workers, out=True, code=0)
    assert done.metrics()["hours"]["count"] == 2000
    assert "2000" in done.stdout


def test_a_percentile_that_is_a_sample_is_that_sample(rampa: Rampa, script: Script) -> None:
    """64.4 % of the way through 251 samples stands the last 1: in doubles the place was a little behind it."""
    script(
        per_vu(
            '    worker.trend("size", 1 if worker.execution.iteration < 162 else 2)',
            'config = rampa.Config(thresholds={"size": ["p(64.4)<=1", "p(64.4)>=1"]})',
            fields=", vus=1, iterations=251",
        )
    )
    rampa("run", "script.py", "--quiet", code=0)


@pytest.mark.parametrize(("key", "shown"), [("id", "id"), ("k" + "ä" * 60, "k" + "ä" * 49)])
def test_series_share_percentiles_when_their_memory_is_full(rampa: Rampa, script: Script, key: str, shown: str) -> None:
    """Whatever the limit, each percentile that is shown or judged is the same; what is missing is said with its remedy."""
    script(
        "import rampa\n"
        'config = rampa.Config(thresholds={"took{kind:even}": ["p(50)<1e9", "count==4500"], "took": ["p(99)<1e9", "count==9000"]})\n'
        '@rampa.scenario(executor="per-vu-iterations", iterations=10)\n'
        "async def a(worker):\n"
        "    for i in range(900):\n"
        '        kind = "odd" if i % 2 else "even"\n'
        f'        worker.trend("took", 1.01 ** (i * 7919 % 2000), {{"{key}": str(i), "kind": kind}})\n'
        "        if i % 100 == 0: await worker.sleep(0)\n"
    )
    little = rampa("run", "script.py", "--series-memory", "1", out=True, code=0).result()
    plenty = rampa("run", "script.py", "--series-memory", "64", out=True, code=0).result()
    for name in ("took", "took{kind:even}"):
        assert little["summary"]["metrics"][name] == plenty["summary"]["metrics"][name]
    (said,) = (text for text in warnings_of(little) if "--series-memory" in text)
    assert "percentiles of their own" in said and f"'{shown}'" in said and said.endswith("--series-memory 4"), said
    assert not any("--series-memory" in text for text in warnings_of(plenty))


@pytest.mark.parametrize("size", ["0", "x", "64MB", "9999999"])
def test_a_wrong_series_memory(rampa: Rampa, script: Script, size: str) -> None:
    script(per_vu("    pass"))
    assert "--series-memory" in rampa("run", "script.py", "--series-memory", size, code=3).stderr
