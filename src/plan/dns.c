/* SPDX-License-Identifier: MIT */
#include "plan/dns.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/str.h"
#include "plan/duration.h"
#include "plan/fields.h"

static const char *const selects[] = { [RP_DNS_VU] = "vu",
                                       [RP_DNS_FIRST] = "first",
                                       [RP_DNS_ROUND_ROBIN] = "roundRobin",
                                       [RP_DNS_RANDOM] = "random" };
static const char *const families[] = { [RP_DNS_ANY] = "any",
                                        [RP_DNS_PREFER_IPV4] = "preferIPv4",
                                        [RP_DNS_PREFER_IPV6] = "preferIPv6",
                                        [RP_DNS_ONLY_IPV4] = "onlyIPv4",
                                        [RP_DNS_ONLY_IPV6] = "onlyIPv6" };

/* -1 for what is none of the @count names. */
static int find(const char *text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(text, names[i]) == 0)
            return (int)i;
    return -1;
}

static int refuse(const char *key, const char *value, const char *choices, struct rp_error *err)
{
    rp_error_set(err, -RP_EUSER, "dns: %s cannot be '%.40s'", key, value);
    rp_error_hint(err, "write %s", choices);
    return -RP_EUSER;
}

static int parse_ttl(const char *value, struct rp_dns_settings *settings, struct rp_error *err)
{
    if (strcasecmp(value, "answer") == 0)
        return 0;
    settings->has_ttl = true;
    settings->ttl = RP_NS_NEVER;
    if (strcasecmp(value, "inf") == 0 ||
        rp_duration_parse(rp_slice_str(value), &settings->ttl, NULL) == 0)
        return 0;
    return refuse("ttl", value, "a duration such as 5m, 0, inf or answer", err);
}

static int parse_one(const struct rp_pair *pair, struct rp_dns_settings *settings,
                     struct rp_error *err)
{
    int found;

    if (strcmp(pair->key, "ttl") == 0)
        return parse_ttl(pair->value, settings, err);
    if (strcmp(pair->key, "select") == 0) {
        found = find(pair->value, selects, RP_ARRAY_LEN(selects));
        if (found < 0)
            return refuse("select", pair->value, "vu, first, roundRobin or random", err);
        settings->select = (enum rp_dns_select)found;
        return 0;
    }
    if (strcmp(pair->key, "policy") == 0) {
        found = find(pair->value, families, RP_ARRAY_LEN(families));
        if (found < 0)
            return refuse("policy", pair->value,
                          "any, preferIPv4, preferIPv6, onlyIPv4 or onlyIPv6", err);
        settings->families = (enum rp_dns_families)found;
        return 0;
    }
    rp_error_set(err, -RP_EUSER, "dns: there is no '%.40s'", pair->key);
    rp_error_hint(err, "it takes ttl, select and policy");
    return -RP_EUSER;
}

int rp_dns_settings_parse(const struct rp_pairs *dns, struct rp_dns_settings *ret,
                          struct rp_error *err)
{
    struct rp_dns_settings settings = { .has_ttl = false };
    int r = 0;

    for (size_t i = 0; r == 0 && i < dns->count; i++)
        r = parse_one(&dns->items[i], &settings, err);
    if (r == 0 && ret)
        *ret = settings;
    return r;
}

/* @part: "KEY=VALUE", which is cut in two. */
static int add_part(char *part, struct rp_pairs *dns, struct rp_error *err)
{
    char *equals = strchr(part, '=');

    if (!equals) {
        rp_error_set(err, -RP_EUSER, "dns: '%.40s' has no value", part);
        rp_error_hint(err, "write ttl=5m,select=first,policy=preferIPv4, or some of them");
        return -RP_EUSER;
    }
    *equals = '\0';
    return rp_pairs_set(dns, part, equals + 1);
}

int rp_dns_option_add(const char *text, struct rp_pairs *dns, struct rp_error *err)
{
    char *copy = rp_strdup(text), *rest = copy, *part;
    int r = copy ? 0 : -ENOMEM;

    while (r == 0 && (part = strsep(&rest, ",")))
        r = add_part(part, dns, err);
    rp_free(copy);
    return r == 0 ? rp_dns_settings_parse(dns, NULL, err) : r;
}
