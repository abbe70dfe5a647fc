/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "app/cli.h"
#include "app/script_file.h"
#include "base/alloc.h"
#include "proto/url.h"

static struct rp_slice behind(const char *text, char mark)
{
    const char *at = strchr(text, mark);

    return at ? rp_slice_str(at + 1) : rp_slice(text, 0);
}

/* What stands before the last '@', also when the URL is none: then nobody knows where the password ends. */
static struct rp_slice proxy_user(const char *text)
{
    const char *mark = strstr(text, "://"), *at = strrchr(text, '@');
    const char *user = mark && at && mark < at ? mark + strlen("://") : text;

    return rp_slice(user, at ? (size_t)(at - user) : 0);
}

/* The part of a value that others must not read; empty = there is none. */
static struct rp_slice secret_of(const struct rp_given *given)
{
    bool is_file = given->value[0] == '@'; /* which has the secret */

    if (given->option == &rp_options[RP_OPT_COOKIE])
        return behind(given->value, '=');
    if (given->option == &rp_options[RP_OPT_HEADER] && !is_file)
        return behind(given->value, ':');
    if ((given->option == &rp_options[RP_OPT_AUTH] ||
         given->option == &rp_options[RP_OPT_BEARER]) &&
        !is_file)
        return rp_slice_str(given->value);
    if (given->option == &rp_options[RP_OPT_PROXY])
        return proxy_user(given->value);
    return strstr(given->value, "://") ? rp_url_userinfo(rp_slice_str(given->value))
                                       : rp_slice(NULL, 0);
}

static int hide(struct rp_cli *cli, const char **word, struct rp_slice secret)
{
    char *copy;

    if (!secret.len)
        return 0;
    copy = rp_strdup(*word);
    if (!copy)
        return -ENOMEM;
    cli->copies[cli->copy_count++] = copy;
    *word = copy;
    memset((char *)secret.ptr, '*', secret.len);
    return 0;
}

int rp_cli_hide_secrets(struct rp_cli *cli)
{
    int r = 0;

    rp_assert(!cli->copies);
    cli->copies = rp_calloc(cli->given_count + cli->argument_count + 1, sizeof(*cli->copies));
    if (!cli->copies)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < cli->given_count; i++) {
        struct rp_given *given = &cli->given[i];

        if (*given->origin == '-') /* not of the environment */
            r = hide(cli, &given->value, secret_of(given));
    }
    for (size_t i = 0; r == 0 && i < cli->argument_count; i++)
        if (rp_script_is_url(cli->arguments[i]))
            r = hide(cli, &cli->arguments[i], rp_url_userinfo(rp_slice_str(cli->arguments[i])));
    return r;
}
