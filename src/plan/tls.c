/* SPDX-License-Identifier: MIT */

/* The settings of https: the options of the command line over those of the script, and what does not fit
 * together. Whether the files can be used is found by those who use them. */

#include <string.h>
#include <strings.h>

#include "plan/fields.h"
#include "plan/plan_internal.h"

/* 0 for what is no version, and for NULL. */
static int version_of(const char *text)
{
    static const char *const versions[] = { "1.0", "1.1", "1.2", "1.3" };

    if (text && strncasecmp(text, "tls", 3) == 0)
        text += text[3] == 'v' || text[3] == 'V' ? 4 : 3;
    for (size_t i = 0; text && i < RP_ARRAY_LEN(versions); i++)
        if (strcmp(text, versions[i]) == 0)
            return (int)i + 1;
    return 0;
}

static int check_version(const char *name, const char *text, struct rp_error *err)
{
    if (!text || version_of(text))
        return 0;
    rp_error_set(err, -RP_EUSER, "%s: '%.40s' is no version of TLS", name, text);
    rp_error_hint(err, "the versions are 1.0, 1.1, 1.2 and 1.3");
    return rp_error_keep(err, -RP_EUSER);
}

static int check(const struct rp_plan *plan, struct rp_error *err)
{
    int min = version_of(plan->tls_min_version), max = version_of(plan->tls_max_version);
    int r = check_version("tls_min_version", plan->tls_min_version, err);

    if (r == 0)
        r = check_version("tls_max_version", plan->tls_max_version, err);
    if (r == 0 && min && max && max < min) {
        rp_error_set(err, -RP_EUSER, "tls_max_version %s is older than tls_min_version %s",
                     plan->tls_max_version, plan->tls_min_version);
        r = rp_error_keep(err, -RP_EUSER);
    }
    if (r == 0 && plan->tls_key && !plan->tls_cert) {
        rp_error_set(err, -RP_EUSER, "there is a key and no certificate");
        rp_error_hint(err, "give tls_cert too (--cert FILE)");
        r = rp_error_keep(err, -RP_EUSER);
    }
    return r;
}

static int warn(struct rp_plan *plan)
{
    static const struct rp_where nowhere = { 0 };
    int r = 0;

    if (plan->tls_keylog)
        r = rp_plan_warn(plan, &nowhere,
                         "whoever can read the file %s can read what this test sends: delete it "
                         "afterwards",
                         plan->tls_keylog);
    if (r == 0 && plan->insecure_skip_tls_verify && plan->tls_ca)
        r = rp_plan_warn(plan, &nowhere,
                         "the authorities in %s do nothing: insecure_skip_tls_verify (--insecure) "
                         "accepts any certificate",
                         plan->tls_ca);
    if (r == 0 && plan->insecure_skip_tls_verify && plan->tls_cert_status)
        r = rp_plan_warn(plan, &nowhere,
                         "tls_cert_status (--cert-status) does nothing: insecure_skip_tls_verify "
                         "(--insecure) accepts any certificate");
    return r;
}

int rp_overrides_apply_tls(const struct rp_overrides *overrides, struct rp_plan *plan,
                           struct rp_error *err)
{
    const struct {
        enum rp_setting_id id;
        const struct rp_override *given;
    } rows[] = {
        { RP_S_TLS_CA, &overrides->tls_ca },         { RP_S_TLS_CERT, &overrides->tls_cert },
        { RP_S_TLS_KEY, &overrides->tls_key },       { RP_S_TLS_MIN, &overrides->tls_min },
        { RP_S_TLS_MAX, &overrides->tls_max },       { RP_S_TLS_CIPHERS, &overrides->tls_ciphers },
        { RP_S_TLS_KEYLOG, &overrides->tls_keylog },
    };
    int r = 0;

    plan->insecure_skip_tls_verify = plan->insecure_skip_tls_verify || overrides->insecure;
    plan->no_tls_resumption = plan->no_tls_resumption || overrides->no_tls_resumption;
    plan->tls_cert_status = plan->tls_cert_status || overrides->tls_cert_status;
    for (size_t i = 0; r == 0 && i < RP_ARRAY_LEN(rows); i++)
        if (rows[i].given->value)
            r = rp_error_keep(err, rp_field_parse_text(&rp_plan_settings[rows[i].id], plan,
                                                       rows[i].given->value, rows[i].given->origin,
                                                       err));
    if (r == 0)
        r = check(plan, err);
    return r == 0 ? warn(plan) : r;
}
