/* SPDX-License-Identifier: MIT */
#include "app/foreign.h"

#include <stdbool.h>

#include "base/compiler.h"

/*
 * Options of wrk, hey, oha, ab, vegeta, curl, k6 and Locust whose names are not ours, or not ours in
 * that meaning. Only for messages: what they say is what can be done, never a guess. vegeta writes
 * long options with one dash, so rows without dashes stand for both.
 */

struct foreign {
    const char *name;   /* "-t": that word; "rate": "-rate" and "--rate" */
    const char *remedy; /* NULL: the next row's */
};

static const struct foreign options[] = {
    { "-t", "threads are --workers, the time of a request is --timeout, the time of a test is "
            "--duration" },
    { "-s", "a script stands where the URL does, as in rampa run load.py; the time of a request is "
            "--timeout" },
    { "-o", NULL },
    { "output", NULL },
    { "output-format", NULL },
    { "summary-export", NULL },
    { "csv", NULL },
    { "html", NULL },
    { "-g", NULL },
    { "-j", "write --out FILE: the result as JSON" },
    { "-m", NULL },
    { "request", "write -X METHOD" },
    { "-R", NULL },
    { "rps", NULL },
    { "qps", "write --rate, as in --rate 100/s" },
    { "-r", "write --rate, as in --rate 100/s; users that come one after the other are --stage, as "
            "in --stage 30s:100" },
    { "-f", "a script stands where the URL does, as in rampa run load.py" },
    { "-D", NULL },
    { "-p", NULL },
    { "data-binary", "write --body-file FILE" },
    { "data", NULL },
    { "data-raw", "write --body TEXT, or --body-file FILE" },
    { "-T", "write -H 'Content-Type: TYPE'" },
    { "content-type", "write -H 'Content-Type: TYPE'" },
    { "-A", "write -H 'Accept: TYPE', -H 'User-Agent: TEXT', or for a password --auth "
            "USER:PASSWORD" },
    { "-U", NULL },
    { "user-agent", "write -H 'User-Agent: TEXT'" },
    { "-a", NULL },
    { "-P", NULL },
    { "-u", NULL },
    { "user", "write --auth USER:PASSWORD, or --auth @FILE to keep it out of the command line" },
    { "-C", NULL },
    { "-b", "write --cookie NAME=VALUE" },
    { "-I", NULL },
    { "head", "write -X HEAD" },
    { "proxy-user", "write --proxy http://USER:PASSWORD@HOST:PORT" },
    { "socks5", "write --proxy socks5://HOST:PORT" },
    { "noproxy", "write --no-proxy HOSTS" },
    { "proxy-header", "proxies get no header fields but Proxy-Authorization" },
    { "-k", "connections are kept in any case; --insecure accepts any certificate of a server" },
    { "insecure-skip-tls-verify", "write --insecure" },
    { "root-certs", "write --cacert FILE" },
    { "http2", NULL },
    { "h2", NULL },
    { "h2c", "this version speaks HTTP/1.1 only" },
    { "-L", NULL },
    { "location", NULL },
    { "redirect", NULL },
    { "redirects", NULL },
    { "max-redirs", "write --follow, which follows at most 10 redirects" },
    { "disable-redirects", "leave it out; redirects are followed only with --follow" },
    { "keepalive", "leave it out; connections are kept unless --no-reuse is given" },
    { "disable-keepalive", NULL },
    { "no-keepalive", NULL },
    { "no-connection-reuse", "write --no-reuse" },
    { "no-vu-connection-reuse", "write --no-vu-reuse" },
    { "disable-compression", "leave it out; compressed answers come only when --compressed asks" },
    { "-v", NULL },
    { "verbose", NULL },
    { "connections", NULL },
    { "concurrency", NULL },
    { "max-workers", NULL },
    { "users", "write --vus N" },
    { "max-connections", "write --max-vus N" },
    { "requests", NULL },
    { "num-requests", "write --iterations N" },
    { "threads", "write --workers N" },
    { "run-time", "write --duration TIME" },
    { "spawn-rate", "write --stage, as in --stage 30s:100" },
    { "latency", "leave it out: the summary shows the times in any case; --histogram draws them" },
    { "host", "write --base-url URL; the field of the header is -H 'Host: NAME'" },
    { "urls-from-file", "write --targets FILE" },
    { "headless", NULL },
    { "no-tui", "leave it out; --quiet hides progress and summary" },
    { "script", "a script stands where the URL does, as in rampa run load.py" },
    { "no-summary", "write --quiet" },
    { "latency-correction",
      "leave it out; with --rate, a time counts from when its request was due" },
};

/* "-rate" and "--rate" are the row "rate"; "-t" is the row "-t". */
static bool is_row(const struct foreign *row, struct rp_slice text)
{
    struct rp_slice name = rp_slice_str(row->name);

    if (name.ptr[0] == '-')
        return rp_slice_eq(name, text);
    return (text.len == name.len + 1 && text.ptr[0] == '-' &&
            rp_slice_eq(rp_slice(text.ptr + 1, text.len - 1), name)) ||
           (text.len == name.len + 2 && text.ptr[0] == '-' && text.ptr[1] == '-' &&
            rp_slice_eq(rp_slice(text.ptr + 2, text.len - 2), name));
}

const char *rp_foreign_option(struct rp_slice text)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(options); i++) {
        if (!is_row(&options[i], text))
            continue;
        while (!options[i].remedy)
            i++;
        return options[i].remedy;
    }
    return NULL;
}

const char *rp_foreign_command(const char *word)
{
    static const struct foreign commands[] = {
        { "attack", "write rampa run URL, or rampa run --targets FILE" },
        { "bench", "write rampa run URL" },
        { "validate", "write rampa check SCRIPT" },
        { "server", "write rampa target" },
        { "version", "write rampa --version" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(commands); i++)
        if (rp_slice_eq_str(rp_slice_str(word), commands[i].name))
            return commands[i].remedy;
    return NULL;
}
