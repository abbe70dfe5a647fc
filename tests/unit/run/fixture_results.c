/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "base/alloc.h"

static void add_http(struct fixture *fixture, double requests, unsigned samples)
{
    fixture_counter(fixture, "http_reqs", requests,
                    "status=200|method=GET|name=http://127.0.0.1:8080/|expected_response=true");
    fixture_trend(fixture, "http_req_duration", true, 0.8, 0.025, samples,
                  "status=200|name=http://127.0.0.1:8080/");
    fixture_trend(fixture, "http_req_blocked", true, 0.0004, 0.00001, samples, "status=200");
    fixture_trend(fixture, "http_req_tls_handshaking", true, 0, 0, samples, "status=200");
    fixture_trend(fixture, "http_req_connecting", true, 0.05, 0.0001, samples, "status=200");
    fixture_trend(fixture, "http_req_sending", true, 0.006, 0.00001, samples, "status=200");
    fixture_trend(fixture, "http_req_waiting", true, 0.7, 0.024, samples, "status=200");
    fixture_trend(fixture, "http_req_receiving", true, 0.02, 0.0001, samples, "status=200");
}

void fixture_passed(struct fixture *fixture)
{
    fixture_init(fixture,
                 "{\"script\": \"load.py\","
                 "\"functions\": [{\"name\": \"browse\", \"file\": \"load.py\", \"line\": 8}],"
                 "\"decorated\": [{\"name\": \"browse\", \"exec_fn\": \"browse\","
                 "\"file\": \"load.py\", \"line\": 7, \"fields\": {\"executor\":"
                 "\"constant-vus\", \"vus\": 10, \"duration\": \"30s\"}}],"
                 "\"config\": {\"file\": \"load.py\", \"line\": 3, \"thresholds\":"
                 "{\"http_req_duration\": [\"p(95)<500\"], \"checks\": [\"rate>0.99\"]}}}");
    fixture->result.elapsed = 30 * RP_S + 12 * RP_MS;
    add_http(fixture, 12000, 1000);
    fixture_rate(fixture, "http_req_failed", 0, 12000, "");
    fixture_counter(fixture, "iterations", 12000, "scenario=browse");
    fixture_counter(fixture, "iteration_errors", 0, "scenario=browse");
    fixture_trend(fixture, "iteration_duration", true, 1.1, 0.026, 1000, "scenario=browse");
    fixture_gauge(fixture, "vus", 1, 10, 10, "");
    fixture_gauge(fixture, "vus_max", 10, 10, 10, "");
    fixture_counter(fixture, "data_sent", 1234567, "");
    fixture_counter(fixture, "data_received", 98765432, "");
    fixture_rate(fixture, "checks", 12000, 12000, "check=status is 200|scenario=browse");
    fixture_trend(fixture, "loop_lag", true, 0.001, 0.001, 30, "");
    fixture_gauge(fixture, "generator_cpu", 0.2, 0.35, 0.3, "");
    fixture_account(fixture, "browse", 12000, 12000, 0, 12000, 0, 0);
    fixture_worker(fixture, 0);
    fixture_judge(fixture);
}

static const char failed_plan[] =
    "{\"script\": \"tests/load/checkout.py\","
    "\"functions\": [{\"name\": \"browse\"}, {\"name\": \"buy\"}],"
    "\"decorated\": [],"
    "\"metrics\": [{\"name\": \"cart_size\", \"type\": \"trend\"},"
    "{\"name\": \"orders\", \"type\": \"counter\"}, {\"name\": \"stock\", \"type\": \"gauge\"},"
    "{\"name\": \"coupon_used\", \"type\": \"rate\"}],"
    "\"config\": {\"file\": \"tests/load/checkout.py\", \"line\": 5, \"scenarios\": {"
    "\"browse\": {\"executor\": \"constant-vus\", \"vus\": 50, \"duration\": \"60s\","
    "\"exec_fn\": \"browse\"},"
    "\"buy\": {\"executor\": \"shared-iterations\", \"vus\": 60, \"iterations\": 8990,"
    "\"start_time\": \"15s\", \"max_duration\": \"45s\", \"exec_fn\": \"buy\"}},"
    "\"thresholds\": {\"http_req_duration\": [\"p(95)<500\", \"p(99.9)<2000\"],"
    "\"http_req_duration{name:POST /orders}\": [\"p(95)<20\"],"
    "\"http_req_duration{name:POST /refunds}\": [\"avg<200\"],"
    "\"http_req_failed\": [{\"threshold\": \"rate<0.01\", \"abort_on_fail\": true}],"
    "\"iterations\": [\"count>1000\", \"rate>100\"], \"checks\": [\"rate>=0.99\"],"
    "\"cart_size\": [\"med<=5\"]}},"
    "\"has_setup\": true, \"has_teardown\": true}";

/* Requests that came to the same end. */
static void add_outcome(struct fixture *fixture, unsigned requests, bool failed, const char *tags)
{
    fixture_counter(fixture, "http_reqs", requests, tags);
    fixture_rate(fixture, "http_req_failed", failed ? requests : 0, requests, tags);
}

static void add_failed_requests(struct fixture *fixture)
{
    add_outcome(fixture, 231, true,
                "status=0|error_code=1212|error=connection refused|method=POST|"
                "name=http://127.0.0.1:8080/orders|scenario=buy");
    add_outcome(fixture, 14, true,
                "status=0|error_code=1212|error=connection refused|method=GET|"
                "name=http://127.0.0.1:8080/|scenario=browse");
    add_outcome(fixture, 23, true,
                "status=503|error_code=1503|method=POST|"
                "name=http://127.0.0.1:8080/orders|scenario=buy");
    add_outcome(fixture, 4, true,
                "status=0|error_code=1050|error=no response within 60s|method=GET|"
                "name=http://127.0.0.1:8080/catalogue/with/a/very/long/path/that/does/not/fit/"
                "any/where?page=17&sort=price|scenario=browse");
    add_outcome(fixture, 500, false,
                "status=404|error_code=1404|method=GET|name=/missing|expected_response=true");
    fixture_rate(fixture, "http_req_failed", 0, 12000, "");
}

static void add_exchanges(struct fixture *fixture)
{
    struct rp_exchange busy = {
        .name = RP_SLICE("/search"),
        .scenario = RP_SLICE("browse"),
        .url = RP_SLICE("http://127.0.0.1:8080/search?q=a"),
        .remote = RP_SLICE("127.0.0.1:8080"),
        .proto = RP_SLICE("HTTP/1.1"),
        .vu = 3,
        .iteration = 7,
        .status = 503,
        .error_code = 1503,
        .is_failed = true,
        .wall_ns = 1772366400123456789,
        .blocked = 40000,
        .waiting = 12 * RP_MS,
        .request_head = RP_SLICE("GET /search?q=a HTTP/1.1\nHost: 127.0.0.1:8080\nCookie: ***\n"),
        .response_head = RP_SLICE("HTTP/1.1 503 Service Unavailable\nServer: nginx\nX-A: \n"
                                  "(and 2 more fields)\n"),
        .response_body = { RP_SLICE("the search index is being rebuilt, try again in a minute\n"
                                    "second line\n"),
                           5000, 69 },
    };
    struct rp_exchange refused = {
        .name = RP_SLICE("http://127.0.0.1:8080/orders"),
        .url = RP_SLICE("http://127.0.0.1:8080/orders"),
        .error = RP_SLICE("connection refused"),
        .error_code = 1212,
        .is_failed = true,
        .request_head = RP_SLICE("POST /orders HTTP/1.1\nHost: 127.0.0.1:8080\n"),
        .request_body = { .bytes = 70000 },
    };

    fixture_exchange(fixture, &busy);
    busy.wall_ns += RP_S;
    fixture_exchange(fixture, &busy);
    fixture_exchange(fixture, &refused);
}

static void add_script_errors(struct fixture *fixture)
{
    fixture_error(fixture, (struct fixture_error){ .scenario = "buy",
                                                   .type = "ConnectionRefused",
                                                   .message = "connection refused: 127.0.0.1:8080",
                                                   .place = "checkout.py:41 in buy",
                                                   .count = 231,
                                                   .is_request = true });
    fixture_error(
        fixture,
        (struct fixture_error){
            .scenario = "browse",
            .type = "ValueError",
            .message = "price is negative: -3\nsecond line",
            .place = "checkout.py:27 in browse",
            .traceback = "Traceback (most recent call last):\n"
                         "  File \"tests/load/checkout.py\", line 27, in browse\n"
                         "    total += price_of(item)\n"
                         "  File \"tests/load/checkout.py\", line 12, in price_of\n"
                         "    raise ValueError(f\"price is negative: {price}\\nsecond line\")\n"
                         "ValueError: price is negative: -3\n"
                         "second line\n",
            .count = 7 });
    fixture_error(fixture, (struct fixture_error){ .scenario = "browse",
                                                   .type = "KeyError",
                                                   .message = "'token'",
                                                   .place = "checkout.py:19 in browse",
                                                   .count = 1 });
}

static void add_failed_checks(struct fixture *fixture)
{
    fixture_rate(fixture, "checks", 12000, 12023, "check=status is 200|scenario=buy");
    fixture_rate(fixture, "checks", 400, 402, "check=status is 200|scenario=browse");
    fixture_rate(fixture, "checks", 99999, 100000, "check=the body has a title|group=::shop");
    fixture_rate(fixture, "checks", 0, 12,
                 "check=the order number is a number that has more than twelve digits and is not "
                 "used twice|group=::shop::orders");
    fixture_rate(fixture, "checks", 77, 77, "check=logged in|group=login");
}

void fixture_failed(struct fixture *fixture)
{
    fixture_init(fixture, failed_plan);
    fixture->result.elapsed = 60 * RP_S + 250 * RP_MS;
    fixture->result.pauses = rp_calloc(2, sizeof(struct rp_result_pause));
    assert_non_null(fixture->result.pauses);
    fixture->result.pauses[0] = (struct rp_result_pause){ 20 * RP_S, 1500 * RP_MS };
    fixture->result.pauses[1] = (struct rp_result_pause){ 40250 * RP_MS, 250 * RP_MS };
    fixture->result.pause_count = 2;
    fixture->result.paused = 1750 * RP_MS;
    fixture->result.setup_time = 12 * RP_MS + 300 * RP_US;
    fixture->result.teardown_time = 3 * RP_MS;
    add_http(fixture, 12000, 12000);
    fixture_trend(fixture, "http_req_duration", true, 10, 0.01, 1000, "name=POST /orders");
    add_failed_requests(fixture);
    fixture_counter(fixture, "iterations", 6021, "scenario=browse");
    fixture_counter(fixture, "iterations", 8800, "scenario=buy");
    fixture_counter(fixture, "iteration_errors", 239, "");
    fixture_counter(fixture, "dropped_iterations", 190, "");
    fixture_counter(fixture, "interrupted_iterations", 10, "");
    fixture_trend(fixture, "iteration_duration", true, 900, 9, 12000, "");
    fixture_trend(fixture, "group_duration", true, 0.5, 0.1, 100, "group=::shop");
    fixture_gauge(fixture, "vus", 0, 60, 3, "");
    fixture_gauge(fixture, "vus_max", 21, 110, 110, "");
    fixture_counter(fixture, "data_sent", 512, "");
    fixture_counter(fixture, "data_received", 3.2e9, "");
    add_failed_checks(fixture);
    fixture_trend(fixture, "cart_size", false, 1, 1, 7, "");
    fixture_trend(fixture, "discount", false, -12.5, 1234.5, 9, "");
    fixture_counter(fixture, "orders", 8800.5, "");
    fixture_gauge(fixture, "stock", -2, 1e6, 12.25, "");
    fixture_rate(fixture, "coupon_used", 1, 3, "");
    fixture_trend(fixture, "loop_lag", true, 1, 0.5, 60, "");
    fixture_gauge(fixture, "generator_cpu", 0.2, 0.99, 0.97, "");
    fixture_account(fixture, "browse", 6031, 6031, 0, 6021, 10, 8);
    fixture_account(fixture, "buy", 8990, 8800, 190, 8800, 0, 231);
    add_exchanges(fixture);
    add_script_errors(fixture);
    fixture_warning(fixture,
                    "scenario 'buy' reached max_duration 45s before 190 of its 8990 iterations had "
                    "started: raise max_duration or vus",
                    1);
    fixture_warning(fixture, "tag 'name' has more than 1000 values: set name= on the request",
                    3120);
    fixture_worker(fixture, 0);
    fixture_worker(fixture, 1);
    fixture_judge(fixture);
    fixture_reason(fixture, RP_GENERATOR_LIMITED, RP_CAUSE_CPU,
                   "worker 2 of 2 had no processor time to spare for 97 % of the time: use fewer "
                   "VUs, or pace the iterations");
    fixture_reason(fixture, RP_GENERATOR_SUSPECT, RP_CAUSE_LATE,
                   "worker 2 of 2 began 6 % of the iterations more than 20 ms after their time");
}

static const char plain_plan[] =
    "{\"script\": \"load.py\", \"functions\": [{\"name\": \"browse\"}],"
    "\"decorated\": [{\"name\": \"browse\", \"exec_fn\": \"browse\", \"fields\": {"
    "\"executor\": \"per-vu-iterations\", \"vus\": 1, \"iterations\": 1}}],"
    "\"config\": {\"thresholds\": {\"http_req_duration\": [\"p(95)<500\"],"
    "\"http_req_duration{status:200}\": [\"p(95)<500\"], \"iterations\": [\"count>=1\"]}}}";

void fixture_empty(struct fixture *fixture)
{
    fixture_init(fixture, plain_plan);
    fixture->result.elapsed = 0;
    fixture_judge(fixture);
}

void fixture_setup(struct fixture *fixture)
{
    fixture_init(fixture, plain_plan);
    fixture->result.started_wall_ns = 0;
    fixture->result.setup_time = 60 * RP_S;
    fixture->result.exit_code = RP_EXIT_SETUP;
    fixture->result.reason = rp_strdup("setup raised RuntimeError: the target does not answer");
    fixture_error(fixture,
                  (struct fixture_error){ .type = "RuntimeError",
                                          .message = "the target does not answer",
                                          .place = "load.py:4 in setup",
                                          .traceback = "Traceback (most recent call last):\n"
                                                       "  File \"load.py\", line 4, in setup\n"
                                                       "RuntimeError: the target does not answer",
                                          .count = 1 });
}

void fixture_hostile(struct fixture *fixture)
{
    fixture_init(fixture, plain_plan);
    fixture->result.elapsed = 2 * RP_S;
    fixture_rate(fixture, "checks", 1, 2, "check=\x1b[2J\x1b[31mred\a|group=line\nend\tand\r");
    fixture_rate(fixture, "checks", 1, 1, "check=\xff\xfe is no UTF-8 \xc3|group=");
    fixture_rate(fixture, "checks", 1, 1,
                 "check=\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"
                 "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"
                 "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"
                 "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
    fixture_rate(fixture, "checks", 3, 3, "check=right \xe2\x80\xaeto left|group=e\xcc\x81");
    add_outcome(fixture, 3, true,
                "status=0|error_code=1000|error=bad \x1b]0;title\a byte \xf5|method=GET|"
                "name=http://x/\xe2\x82");
    fixture_error(fixture, (struct fixture_error){ .type = "Error\x1b[0m",
                                                   .message = "\x1b[1mbold\x9b",
                                                   .place = "a\x08",
                                                   .traceback = "\x1b[31mT\n\n\x80\n",
                                                   .count = 2 });
    fixture_exchange(fixture, &(struct rp_exchange){ .name = RP_SLICE("\x1b[2J\xff"),
                                                     .error = RP_SLICE("\x9b\n\a"),
                                                     .request_head = RP_SLICE("\n: \n\xff") });
    fixture_warning(fixture, "\x1b[5mblink \x00", 1);
    fixture->result.exit_code = RP_EXIT_ITERATION_ERRORS;
    fixture->result.reason = rp_strdup("the script \x1b[31mraised");
    fixture_judge(fixture);
    fixture->result.exit_code = RP_EXIT_ITERATION_ERRORS;
    fixture->result.generator = RP_GENERATOR_LIMITED;
}
