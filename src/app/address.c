/* SPDX-License-Identifier: MIT */
#include "app/address.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* "http:/host/", "ws:host/": what follows the scheme and its slashes, or NULL. */
static const char *after_scheme(const char *word, size_t *ret_scheme)
{
    static const char *const schemes[] = { "https:", "http:", "wss:", "ws:", "grpcs:", "grpc:" };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        *ret_scheme = strlen(schemes[i]);
        if (strncasecmp(word, schemes[i], *ret_scheme) != 0)
            continue;
        word += *ret_scheme;
        return word + strspn(word, "/");
    }
    return NULL;
}

/* Whether @word begins with a host that no file is called by: "localhost", "127.0.0.1", "[::1]",
 * "www.example.com", or a host with a port. */
static bool begins_with_host(const char *word)
{
    size_t host = strspn(word, LETTERS DIGITS ".-"), port;

    if (word[0] == '[')
        return strchr(word, ']') != NULL;
    if (host > 3 && strncmp(word + host - 3, ".py", 3) == 0)
        return false;
    port = word[host] == ':' ? strspn(word + host + 1, DIGITS) : 0;
    if (port && (!word[host + 1 + port] || strchr("/?#", word[host + 1 + port])))
        return true;
    if (!host || (word[host] && !strchr("/?#", word[host])))
        return false;
    return strncmp(word, "www.", 4) == 0 ||
           (host == strlen("localhost") && strncmp(word, "localhost", host) == 0) ||
           (strspn(word, DIGITS ".") == host && strchr(word, '.') && word[0] != '.');
}

/* The last '@' counts, because a password may hold any byte. NULL when there is none, or no ':'
 * before it. */
static const char *behind_password(const char *word)
{
    const char *at = strrchr(word, '@');

    return at && memchr(word, ':', (size_t)(at - word)) ? at : NULL;
}

bool rp_address_mask(const char *word, char *out, size_t size)
{
    size_t scheme;
    const char *rest = after_scheme(word, &scheme), *at;

    rest = rest ? rest : word;
    at = behind_password(rest);
    if (at)
        snprintf(out, size, "%.*s***%s", (int)(rest - word), word, at);
    return at != NULL;
}

bool rp_address_guess(const char *word, char *out, size_t size)
{
    size_t scheme;
    const char *rest = after_scheme(word, &scheme), *at = behind_password(rest ? rest : word);

    if (rest && *rest)
        snprintf(out, size, "%.*s//%s%s", (int)scheme, word, at ? "***" : "", at ? at : rest);
    else if (at)
        snprintf(out, size, "http://***%s", at);
    else if (word[0] == ':' && begins_with_host(word))
        snprintf(out, size, "http://localhost%s", word);
    else if (begins_with_host(word))
        snprintf(out, size, "http://%s", word);
    else
        return false;
    return true;
}
