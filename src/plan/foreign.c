/* SPDX-License-Identifier: MIT */
#include "plan/foreign.h"

#include <string.h>

#include "base/compiler.h"
#include "base/str.h"

/* Words of k6, Locust and other tools, in lower case and without '_', and what says the same here.
 * A word with a field is for places that have this field. */
static const struct {
    const char *word, *field, *remedy;
} words[] = {
    { "exec", "exec_fn", NULL },
    { "startrate", "rate", NULL },
    { "users", "vus", NULL },
    { "numusers", "vus", NULL },
    { "usercount", "vus", NULL },
    { "threads", "vus", NULL },
    { "connections", "vus", NULL },
    { "concurrency", "vus", NULL },
    { "requests", "iterations", NULL },
    { "runtime", "duration", NULL },
    { "duration", "stages", "a ramp lasts as long as its stages: stages=[(\"30s\", 10)]" },
    { "rps", "rate", "write executor=\"constant-arrival-rate\", rate=50 and duration" },
    { "spawnrate", "stages", "write executor=\"ramping-vus\", stages=[(\"30s\", 100)]" },
    { "hatchrate", "stages", "write executor=\"ramping-vus\", stages=[(\"30s\", 100)]" },
    { "rampup", "stages", "write executor=\"ramping-vus\", stages=[(\"30s\", 100)]" },
    { "waittime", "vus", "write await worker.sleep(SECONDS) in the function" },
    { "thinktime", "vus", "write await worker.sleep(SECONDS) in the function" },
    { "weight", "vus", "each scenario has vus or a rate of its own" },
    { "tasks", "exec_fn", "each function is a scenario: decorate it with @rampa.scenario(...)" },
    { "host", NULL, "write options=rampa.Options(base_url=...), or --base-url URL" },
    { "baseurl", NULL, "write options=rampa.Options(base_url=...), or --base-url URL" },
    { "tlsversion", NULL, "write tls_min_version=\"1.2\", tls_max_version=\"1.3\"" },
    { "tlsauth", NULL, "write tls_cert=FILE, tls_key=FILE" },
    { "nocookiesreset", NULL, "write keep_cookies=True" },
    { "batchperhost", "connections_per_host", NULL },
    { "verify", NULL, "write insecure_skip_tls_verify=True to accept any certificate" },
    { "cacert", NULL, "write tls_ca=FILE" },
    { "timeout", NULL, "give it to each request: worker.http.get(url, timeout=5)" },
    { "headers", NULL, "give them to each request: worker.http.get(url, headers={...})" },
    { "vus", "options", "write options=rampa.Options(vus=...)" },
    { "duration", "options", "write options=rampa.Options(duration=...)" },
    { "iterations", "options", "write options=rampa.Options(iterations=...)" },
    { "stages", "options", "write options=rampa.Options(stages=[...])" },
    { "tags", "options", "write options=rampa.Options(tags={...})" },
    { "setuptimeout", "options", "write options=rampa.Options(setup_timeout=...)" },
    { "teardowntimeout", "options", "write options=rampa.Options(teardown_timeout=...)" },
    { "summarytrendstats", "options", "write options=rampa.Options(summary_trend_stats=[...])" },
    { "scenarios", "seed", "it belongs to rampa.Config, beside options" },
    { "thresholds", "seed", "it belongs to rampa.Config, beside options" },
    { "metrics", "seed", "it belongs to rampa.Config, beside options" },
    { "thresholds", "exec_fn", "it belongs to rampa.Config: thresholds={...}" },
    { "options", "exec_fn", "it belongs to rampa.Config: options=rampa.Options(...)" },
    { "setuptimeout", "exec_fn", "it belongs to rampa.Options" },
    { "teardowntimeout", "exec_fn", "it belongs to rampa.Options" },
};

enum { LONGEST = 64 };

/* "startVUs", "start_vus" and "start-vus" are the same word. */
static void fold(const char *text, char out[LONGEST])
{
    size_t len = 0;

    for (; *text && len < LONGEST - 1; text++)
        if (*text != '_' && *text != '-')
            out[len++] = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
    out[len] = '\0';
}

static bool has(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

const char *rp_foreign_hint(const char *key, const char *const *names, size_t count,
                            struct rp_error *err)
{
    char word[LONGEST], name[LONGEST];
    const char *near;

    fold(key, word);
    for (size_t i = 0; i < count; i++) {
        fold(names[i], name);
        if (strcmp(word, name) == 0) {
            rp_error_suggest(err, names[i]);
            return names[i];
        }
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i].word) != 0 ||
            (words[i].field && !has(names, count, words[i].field)))
            continue;
        if (words[i].remedy)
            rp_error_hint(err, "%s", words[i].remedy);
        else
            rp_error_suggest(err, words[i].field);
        return words[i].remedy ? NULL : words[i].field;
    }
    near = rp_suggest(rp_slice_str(key), names, count);
    rp_error_suggest(err, near);
    return near;
}
