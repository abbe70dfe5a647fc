/* SPDX-License-Identifier: MIT */
#include "output/result_json.h"

#include "run/requests.h"

static json_t *statuses_json(const struct rp_named_requests *named)
{
    struct rp_json_object object = rp_json_object();

    for (size_t i = 0; i < named->status_count; i++) {
        const struct rp_status_count *status = &named->statuses[i];

        rp_json_put(&object, *status->status ? status->status : "unknown",
                    rp_json_count(status->count));
    }
    return rp_json_take(&object);
}

static json_t *duration_json(const struct rp_named_requests *named)
{
    static const struct {
        const char *name;
        struct rp_stat stat;
    } stats[] = {
        { "avg", { .kind = RP_STAT_AVG } },
        { "min", { .kind = RP_STAT_MIN } },
        { "med", { .kind = RP_STAT_MED } },
        { "max", { .kind = RP_STAT_MAX } },
        { "p(90)", { .kind = RP_STAT_P, .p = 90 } },
        { "p(95)", { .kind = RP_STAT_P, .p = 95 } },
        { "p(99)", { .kind = RP_STAT_P, .p = 99 } },
        { "p(99.9)", { .kind = RP_STAT_P, .p = 99.9 } },
        { "count", { .kind = RP_STAT_COUNT } },
    };
    struct rp_json_object object = rp_json_object();

    for (size_t i = 0; i < RP_ARRAY_LEN(stats); i++)
        rp_json_put(&object, stats[i].name, rp_json_number(rp_requests_stat(named, stats[i].stat)));
    return rp_json_take(&object);
}

static json_t *named_json(const struct rp_named_requests *named)
{
    struct rp_json_object object = rp_json_object();

    rp_json_put(&object, "name", rp_json_text(*named->name ? named->name : NULL));
    rp_json_put(&object, "count", rp_json_count(named->count));
    rp_json_put(&object, "failed", rp_json_count(named->failed));
    rp_json_put(&object, "statuses", statuses_json(named));
    rp_json_put(&object, "duration", duration_json(named));
    rp_json_put(&object, "buckets",
                rp_requests_has_buckets(named) ? rp_result_buckets_json(&named->duration.hist, true)
                                               : json_null());
    return rp_json_take(&object);
}

int rp_result_write_requests(struct rp_result_writer *writer)
{
    struct rp_requests requests;
    int r = rp_requests_collect(writer->result->store, &requests);

    rp_json_open_list(&writer->document, "requests");
    for (size_t i = 0; r == 0 && i < requests.count; i++)
        r = rp_json_item(&writer->document, named_json(&requests.items[i]), RP_JSON_LINE);
    rp_json_close_list(&writer->document);
    rp_requests_deinit(&requests);
    return r;
}
