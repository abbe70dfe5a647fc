/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "base/alloc.h"

static const char arrivals_plan[] =
    "{\"script\": \"load.py\", \"functions\": [{\"name\": \"browse\"}], \"decorated\": [],"
    "\"config\": {\"file\": \"load.py\", \"line\": 5, \"scenarios\": {"
    "\"steady\": {\"executor\": \"constant-vus\", \"vus\": 50, \"duration\": \"60s\","
    "\"exec_fn\": \"browse\"},"
    "\"ramp\": {\"executor\": \"ramping-vus\", \"start_vus\": 0, \"exec_fn\": \"browse\","
    "\"stages\": [{\"duration\": \"30s\", \"target\": 100}, {\"duration\": \"1m\", \"target\": "
    "100},"
    "{\"duration\": \"30s\", \"target\": 0}]},"
    "\"pool\": {\"executor\": \"shared-iterations\", \"vus\": 60, \"iterations\": 9000,"
    "\"exec_fn\": \"browse\"},"
    "\"each\": {\"executor\": \"per-vu-iterations\", \"vus\": 3, \"iterations\": 7,"
    "\"start_time\": \"15s\", \"exec_fn\": \"browse\"},"
    "\"orders\": {\"executor\": \"constant-arrival-rate\", \"rate\": 500, \"duration\": \"30s\","
    "\"pre_allocated_vus\": 50, \"max_vus\": 200, \"arrival\": \"poisson\", \"exec_fn\": "
    "\"browse\"},"
    "\"peak\": {\"executor\": \"ramping-arrival-rate\", \"rate\": 0.5, \"time_unit\": \"3s\","
    "\"stages\": [{\"duration\": \"1m\", \"target\": 900}, {\"duration\": \"1m\", \"target\": 0}],"
    "\"pre_allocated_vus\": 20, \"max_vus\": 20, \"exec_fn\": \"browse\"}},"
    "\"options\": {\"seed\": 4711}}}";

void fixture_arrivals(struct fixture *fixture)
{
    struct rp_result *result = &fixture->result;

    fixture_init(fixture, arrivals_plan);
    result->elapsed = 120 * RP_S;
    result->pauses = rp_calloc(1, sizeof(*result->pauses));
    assert_non_null(result->pauses);
    result->pauses[0] = (struct rp_result_pause){ .start = 4 * RP_S, .length = 2500 * RP_MS };
    result->pause_count = 1;
    result->paused = 2500 * RP_MS;
    fixture_counter(fixture, "iterations", 50000, "");
    fixture_counter(fixture, "dropped_iterations", 210, "scenario=orders");
    fixture_counter(fixture, "dropped_iterations", 4, "scenario=peak");
    fixture_trend(fixture, "iteration_duration", true, 90, 0.1, 1000, "");
    fixture_trend(fixture, "iteration_lateness", true, 0, 0.0001, 1000, "scenario=orders");
    fixture_trend(fixture, "iteration_lateness", true, 0, 0.001, 100, "scenario=peak");
    fixture_gauge(fixture, "vus", 50, 300, 3, "");
    fixture_gauge(fixture, "vus_max", 280, 430, 430, "");
    fixture_account(fixture, "steady", 12000, 12000, 0, 12000, 0, 0);
    fixture_account(fixture, "orders", 15000, 14790, 210, 14790, 0, 0);
    fixture_account(fixture, "peak", 18030, 18026, 4, 18025, 1, 0);
    fixture_warning(fixture,
                    "scenario 'orders': iterations were dropped because all VUs were busy: "
                    "500/s of 800 ms each need 400 VUs; max_vus is 200",
                    1);
    fixture_worker(fixture, 0);
}
