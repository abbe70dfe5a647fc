# SPDX-License-Identifier: MIT
"""Config objects: what they read as, what may be changed until the run starts, what is refused where it is written."""
from __future__ import annotations

import asyncio
import copy
import datetime
import inspect
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import rampa
from enginetools import count, finish, plan
from rampa.config import Config, Options, ScenarioConfig, Stage, as_json
from rampa.errors import ConfigError
from rampa.events import RunStatus
from rampa.loader import TestPlan, load_test
from rampa.thresholds import parse_threshold


def seconds(number: float) -> datetime.timedelta:
    return datetime.timedelta(seconds=number)


async def visit(worker: rampa.Worker) -> None:
    worker.counter("visits")
    await worker.sleep(0.001)


# ---- reading --------------------------------------------------------------------------------------------------------


def test_a_field_that_was_not_given_reads_as_its_default() -> None:
    settings = ScenarioConfig()
    assert (settings.executor, settings.exec_fn, settings.arrival) == ("constant-vus", "default", "uniform")
    assert (settings.time_unit, settings.start_time) == (seconds(1), seconds(0))
    assert (settings.graceful_stop, settings.graceful_ramp_down, settings.max_duration) == (seconds(30), seconds(30), seconds(600))
    assert (settings.tags, settings.env) == ({}, {})
    assert [settings.vus, settings.duration, settings.iterations, settings.stages, settings.rate, settings.max_vus] == [None] * 6
    config = Config()
    assert (config.scenarios, config.thresholds, config.metrics, config.options) == ({}, {}, {}, Options())
    assert (config.options.setup_timeout, config.options.teardown_timeout, config.options.tags) == (seconds(60), seconds(60), {})
    assert as_json(settings) == as_json(config) == {}


def test_durations_read_as_timedelta() -> None:
    assert Stage(duration="1m", target=1).duration == seconds(60)
    assert ScenarioConfig(duration="30s", graceful_stop=1.5).duration == seconds(30)
    assert ScenarioConfig(graceful_stop=1.5).graceful_stop == seconds(1.5)
    assert Options(setup_timeout=seconds(3)).setup_timeout == seconds(3)


def test_a_duration_keeps_its_nanoseconds_for_the_plan() -> None:
    assert as_json(ScenarioConfig(time_unit="1500ns")) == {"time_unit": "1500ns"}


def test_text_that_is_a_whole_number_becomes_one() -> None:
    settings = ScenarioConfig(vus="10", iterations=" 2 ", rate="2.5", max_vus=3.0)  # type: ignore[arg-type]
    assert (settings.vus, settings.iterations, settings.rate, settings.max_vus) == (10, 2, 2.5, 3)
    wrong = ScenarioConfig(vus="ten", iterations="2.5")  # type: ignore[arg-type]
    assert (wrong.vus, wrong.iterations) == ("ten", "2.5")  # refused with the plan


def test_stages_are_equal_when_they_mean_the_same_and_can_be_members_of_a_set() -> None:
    assert Stage("1m", 5) == Stage("60s", 5) == Stage(60, 5) != Stage("60s", 6)
    assert len({Stage("1m", 5), Stage("60s", 5), Stage(61, 5)}) == 2
    assert repr(Stage("1m", 5)) == "Stage(duration=datetime.timedelta(seconds=60), target=5)"


def test_dicts_for_nested_objects_become_objects() -> None:
    config = Config(
        scenarios={"a": {"vus": 2, "stages": [{"duration": "1s", "target": 2}, ("2s", 3)]}},
        options={"tags": {"release": "7"}},
    )
    assert isinstance(config.scenarios["a"], ScenarioConfig) and config.scenarios["a"].vus == 2
    assert config.scenarios["a"].stages == [Stage("1s", 2), Stage("2s", 3)]
    assert config.options.tags == {"release": "7"}
    odd = ScenarioConfig(stages=[{"duration": "1s"}, ("1s", 2, 3), 5])  # type: ignore[list-item]
    assert as_json(odd) == {"stages": [{"duration": "1s"}, ["1s", 2, 3], 5]}


@pytest.mark.parametrize("made", [ScenarioConfig(), Config(), Options(), Stage("1s", 2)])
def test_an_unknown_attribute_is_an_error(made: Any) -> None:
    kind = type(made).__name__
    with pytest.raises(AttributeError, match=f"^{kind} has no field 'zzz'$"):
        made.zzz
    with pytest.raises(AttributeError, match=f"^{kind} has no field 'zzz'$"):
        made.zzz = 1
    with pytest.raises(AttributeError, match="^_zzz$"):
        made._zzz


def test_the_message_of_an_unknown_attribute_names_the_nearest_field() -> None:
    with pytest.raises(AttributeError, match=r"ScenarioConfig has no field 'vuss'; did you mean 'vus'\?"):
        ScenarioConfig().vuss  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"Config has no field 'treshold'; did you mean 'thresholds'\?"):
        Config().treshold = {}  # type: ignore[attr-defined]


# ---- dumps and copies -----------------------------------------------------------------------------------------------


def test_model_dump_gives_every_field_and_is_read_back() -> None:
    config = Config(
        scenarios={"a": ScenarioConfig(executor="ramping-vus", stages=[("1500ms", 2)], tags={"a": "b"})},
        thresholds={"http_reqs": ["count>1", {"threshold": "count>0", "abort_on_fail": True}]},
        options=Options(setup_timeout="5s"),
    )
    dumped = config.model_dump()
    assert dumped["scenarios"]["a"]["stages"] == [{"duration": seconds(1.5), "target": 2}]
    assert (dumped["options"]["setup_timeout"], dumped["scenarios"]["a"]["vus"]) == (seconds(5), None)
    short = {"executor": "ramping-vus", "stages": [{"duration": seconds(1.5), "target": 2}], "tags": {"a": "b"}}
    assert config.scenarios["a"].model_dump(exclude_unset=True) == short
    assert config.scenarios["a"].model_dump(include={"vus", "tags"}, exclude={"tags"}) == {"vus": None}
    assert config.scenarios["a"].model_dump(include=["vus"], exclude_none=True) == {}
    again = Config.model_validate(json.loads(config.model_dump_json()))
    assert again.model_dump() == dumped
    assert Config.model_validate(config) is config
    assert Config.model_validate(json.loads(config.model_dump_json(exclude_unset=True))) == config


def test_model_validate_refuses_what_is_no_dict_and_what_lacks_a_field() -> None:
    with pytest.raises(ValueError, match="ScenarioConfig is made of a dict of its fields, not of 5"):
        ScenarioConfig.model_validate(5)
    with pytest.raises(ValueError, match="target"):
        Stage.model_validate({"duration": "1s"})


def test_copies_have_the_same_values_and_are_others() -> None:
    first = ScenarioConfig(vus=1, tags={"a": "b"}, stages=[("1s", 2)])
    second = first.model_copy(update={"vus": "3"})
    assert (first.vus, second.vus, second.tags is first.tags) == (1, 3, True)
    deep = first.model_copy(deep=True)
    assert deep == first and deep.tags is not first.tags
    assert copy.copy(first) == copy.deepcopy(first) == pickle.loads(pickle.dumps(first)) == first
    with pytest.raises(AttributeError, match="did you mean 'vus'"):
        first.model_copy(update={"vuss": 1})


def test_model_fields_set_has_what_was_given_or_changed_in_place() -> None:
    config = Config()
    assert config.model_fields_set == set() and config.thresholds == {}
    config.thresholds["http_reqs"] = ["count>1"]
    config.options.tags["a"] = "b"
    assert config.model_fields_set == {"thresholds", "options"}
    assert as_json(config) == {"thresholds": {"http_reqs": ["count>1"]}, "options": {"tags": {"a": "b"}}}
    config.options = None  # type: ignore[assignment]
    assert config.model_fields_set == {"thresholds"} and config.options == Options()


# ---- refused where it is written ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"thresholds": {"http_reqs": []}}, "thresholds of 'http_reqs': the list is empty"),
        ({"thresholds": {"http_reqs": ["count>1", "  "]}}, "thresholds of 'http_reqs': an expression is blank"),
        (
            {"scenarios": {"a": {"vus": 1}}, "options": Options(duration="1s")},
            "options: 'duration' cannot stand beside scenario 'a', which has fields of its own",
        ),
    ],
)
def test_what_no_plan_can_be_made_of_is_refused_where_it_is_written(fields: dict[str, Any], message: str) -> None:
    frame = inspect.currentframe()
    assert frame is not None
    with pytest.raises(ValueError) as caught:
        line = frame.f_lineno + 1
        Config(**fields)
    assert isinstance(caught.value, ConfigError)
    assert (caught.value.message, caught.value.file, caught.value.line) == (message, __file__, line)


def test_a_stage_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="a Stage cannot be changed"):
        Stage("1s", 2).target = 3


# ---- changes until the run starts -----------------------------------------------------------------------------------


def loaded() -> TestPlan:
    return plan(visit, executor="constant-vus", vus=2, duration="10m", graceful_stop="1s")


def test_changes_of_a_plan_are_obeyed() -> None:
    test = loaded()
    settings, _ = test.scenarios["visit"]
    settings.vus = 5
    settings.duration = "200ms"
    test.config.thresholds = {"visits": ["count>1000000"]}
    result = asyncio.run(finish(test))
    assert result.snapshot is not None
    assert result.snapshot.values["vus_max"]["value"] == 5
    assert result.snapshot.duration < 100
    assert result.status is RunStatus.THRESHOLD_FAILED


def test_changes_in_place_of_lists_and_dicts_are_obeyed() -> None:
    seen: set[str] = set()

    async def look(worker: rampa.Worker) -> None:
        seen.add(f"{worker.env.get('COLOR')} {worker.tags.get('kind')}")

    test = plan(look, executor="ramping-vus", start_vus=1, stages=[("10m", 1)], graceful_stop="1s")
    settings, _ = test.scenarios["visit"]
    assert settings.stages is not None
    settings.stages[0] = Stage("100ms", 1)
    settings.stages.append(Stage("100ms", 3))
    settings.env["COLOR"] = "green"
    settings.tags["kind"] = "small"
    test.config.thresholds["iterations{kind:small}"] = ["count>0"]
    result = asyncio.run(finish(test))
    assert seen == {"green small"}
    assert result.status is RunStatus.PASSED and result.snapshot is not None
    assert result.snapshot.values["vus_max"]["value"] == 3
    assert [row.source for row in result.threshold_results] == ["count>0"]


def test_a_scenario_may_be_replaced_before_the_run() -> None:
    test = loaded()
    _, function = test.scenarios["visit"]
    test.scenarios["visit"] = (ScenarioConfig(executor="per-vu-iterations", vus=2, iterations=3), function)
    assert count(asyncio.run(finish(test)), "visits") == 6


# ---- what is wrong with a plan --------------------------------------------------------------------------------------


def test_one_error_has_all_mistakes() -> None:
    test = plan(visit, executor="constant-vus", vus="many", startVUs=1, thresholds={"nosuch": "count>1"})
    with pytest.raises(ConfigError) as caught:
        asyncio.run(finish(test))
    error = caught.value
    told = [error, *error.others]
    assert [one.message for one in told] == [
        "scenario 'visit': vus must be a whole number from 1 to 10000000, not 'many'",
        "scenario 'visit': unknown field 'startVUs'",
        "scenario 'visit': executor 'constant-vus' needs 'duration', a duration of more than 0s, up to 3650d",
        "thresholds of 'nosuch': expected a list of at least one threshold, not 'count>1'",
    ]
    assert error.others[0].hint == "did you mean 'start_vus'?"
    assert str(error).count("\n") == 3 and "(did you mean 'start_vus'?)" in str(error)
    assert all(one.line > 0 and one.file for one in told)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), len(again.others)) == (str(error), 3)


def test_what_does_nothing_is_a_warning_of_the_result() -> None:
    result = asyncio.run(finish(plan(visit, executor="per-vu-iterations", rate=5)))
    assert result.status is RunStatus.PASSED
    assert any("'rate' does nothing: executor 'per-vu-iterations' has no such field" in text for text in result.warnings)


def test_names_at_the_top_level_are_warnings_of_load_test(tmp_path: Path) -> None:
    script = tmp_path / "names.py"
    script.write_text(
        "import rampa\ndef on_start(): pass\n@rampa.scenario(executor='per-vu-iterations')\nasync def browse(worker): pass\n"
    )
    with pytest.warns(UserWarning, match=r"names\.py:2: on_start\(\) is not called by rampa: rampa calls setup\(\)"):
        load_test(script)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("p(95)<500", ("p(95)", 95.0, "<", 500.0)),
        ("p( 99.9 ) >= 1e3", ("p(99.9)", 99.9, ">=", 1000.0)),
        ("rate<=0.01", ("rate", None, "<=", 0.01)),
    ],
)
def test_a_threshold_is_taken_apart(text: str, parts: tuple[Any, ...]) -> None:
    found = parse_threshold(text)
    assert (found.aggregation, found.aggregation_value, found.operator, found.value) == parts
