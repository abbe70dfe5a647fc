/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>

#include "h1_samples.h"
#include "h1_trace.h"

/*
 * The parser against llhttp (built strict), an independent one, over samples and mutations of them with a fixed seed.
 * A message that both accept must have the same status, body and end, and in HTTP/1.1 the same fate of the connection
 * (in HTTP/1.0 we are warier: "close" beats "keep-alive", and a chunked message is the connection's last). Where only
 * one accepts, the pair of verdicts must stand in the list below, the input must have what the entry speaks of, and
 * every entry must occur.
 */

enum { ACCEPTED = 0, UNFINISHED = -1 }; /* else an enum rp_h1_error or an llhttp_errno */

/* ASCII case is ignored. */
static bool holds(struct rp_slice input, const char *needle)
{
    size_t len = strlen(needle);

    for (size_t i = 0; i + len <= input.len; i++)
        if (strncasecmp(input.ptr + i, needle, len) == 0)
            return true;
    return false;
}

static bool has_lone_lf(struct rp_slice input)
{
    for (size_t i = 0; i < input.len; i++)
        if (input.ptr[i] == '\n' && (i == 0 || input.ptr[i - 1] != '\r'))
            return true;
    return false;
}

static bool has_lone_lf_or_control(struct rp_slice input)
{
    return has_lone_lf(input) || holds(input, "\x01");
}

static bool has_two_lengths(struct rp_slice input)
{
    return holds(input, "ength:");
}

static bool has_length_list_or_tab(struct rp_slice input)
{
    return holds(input, " ,") || holds(input, ", ") || holds(input, "\t");
}

static bool has_other_version(struct rp_slice input)
{
    return !holds(input, "HTTP/1.1 200") && holds(input, "HTTP/1.");
}

static bool has_blank_or_extension(struct rp_slice input)
{
    return holds(input, " \r\n") || holds(input, "\t\r\n") || holds(input, ";");
}

static bool has_close_before_the_end(struct rp_slice input)
{
    return holds(input, "close\r\n") && holds(input, "HTTP/1.1 10");
}

static bool has_version_2(struct rp_slice input)
{
    return holds(input, "HTTP/2.0");
}

static bool is_digit_from(char first, char c)
{
    return c >= first && c <= '9';
}

/* A status that is not three digits, the first not 0. */
static bool has_odd_status(struct rp_slice input)
{
    const char *end = input.ptr + input.len, *p = input.ptr;

    for (; (p = memmem(p, (size_t)(end - p), "HTTP/1.", 7)); p++)
        if (end - p < 12 || !is_digit_from('1', p[9]) || !is_digit_from('0', p[10]) ||
            !is_digit_from('0', p[11]))
            return true;
    return false;
}

static bool has_early_line_end_nul_or_odd_status(struct rp_slice input)
{
    return input.ptr[0] == '\r' || input.ptr[0] == '\n' || memchr(input.ptr, 0, input.len) ||
           holds(input, "\n\r\n\r") || holds(input, "\n\n") || has_odd_status(input);
}

static bool has_folded_line_or_empty_name(struct rp_slice input)
{
    return holds(input, "\n ") || holds(input, "\n\t") || holds(input, "\n:");
}

static bool has_coding(struct rp_slice input)
{
    return holds(input, "ncoding:");
}

/* llhttp takes the TAB for a part of the coding's name and reads until the peer closes. */
static bool is_misread_by_llhttp(struct rp_slice input)
{
    return holds(input, "chunked\t");
}

static const struct difference {
    int ours, theirs;
    bool (*applies)(struct rp_slice input);
    const char *reason;
} differences[] = {
    { ACCEPTED, HPE_INVALID_HEADER_TOKEN, has_lone_lf_or_control,
      "a lone LF may end a line (RFC 9112, 2.2); control bytes but CR, LF, NUL may be kept" },
    { ACCEPTED, HPE_UNEXPECTED_CONTENT_LENGTH, has_two_lengths,
      "equal Content-Length fields are one (RFC 9110, 8.6)" },
    { ACCEPTED, HPE_INVALID_CONTENT_LENGTH, has_length_list_or_tab,
      "a list of equal lengths is one length (RFC 9110, 8.6), and a TAB is a blank" },
    { ACCEPTED, HPE_INVALID_VERSION, has_other_version,
      "HTTP/1.2 and higher minor versions are read as 1.1 (RFC 9110, 2.5)" },
    { ACCEPTED, HPE_INVALID_CHUNK_SIZE, has_blank_or_extension,
      "blanks after a chunk size and any text in an extension are skipped: servers pad sizes" },
    { ACCEPTED, HPE_STRICT, has_blank_or_extension, "the same: llhttp has two codes for it" },
    { ACCEPTED, HPE_CLOSED_CONNECTION, has_close_before_the_end,
      "a 1xx response with Connection: close still announces the final one" },
    { RP_H1_BAD_VERSION, ACCEPTED, has_version_2, "HTTP/2.0 in a text status line is no HTTP/1" },
    { RP_H1_BAD_STATUS_LINE, ACCEPTED, has_early_line_end_nul_or_odd_status,
      "line ends before the status line mean that a body was longer than said; a NUL is no text; "
      "a status has three digits" },
    { RP_H1_BAD_HEADER, ACCEPTED, has_folded_line_or_empty_name,
      "a field has a name, and the status line does not go on" },
    { RP_H1_BAD_CHUNK_SIZE, ACCEPTED, has_folded_line_or_empty_name,
      "llhttp forgets the coding of a Transfer-Encoding that is folded" },
    { RP_H1_BAD_TRANSFER_ENCODING, ACCEPTED, has_coding,
      "a coding other than one 'chunked' was not asked for and would be measured as the body" },
};

struct verdict {
    int code;
    unsigned status;
    size_t end;
    bool keep_alive, is_version_0;
    struct rp_buf body;
};

struct peer {
    llhttp_t parser; /* first: callbacks get it */
    llhttp_settings_t settings;
    struct verdict *verdict;
    bool is_head_request, is_done;
};

/* llhttp leaves it to its user which responses have no body. */
static int peer_headers_complete(llhttp_t *parser)
{
    struct peer *peer = (struct peer *)parser;
    unsigned status = parser->status_code;
    bool has_no_body = peer->is_head_request || status < 200 || status == 204 || status == 304;

    /* Asked here, because llhttp lets fields in the trailers change the answer (against RFC 9110, 6.5.1). The answer
     * takes the body into account, so it must be told first that there is none. */
    if (has_no_body)
        parser->flags |= F_SKIPBODY;
    peer->verdict->keep_alive = llhttp_should_keep_alive(parser) && status != 101;

    return has_no_body;
}

static int peer_body(llhttp_t *parser, const char *at, size_t len)
{
    rp_buf_append(&((struct peer *)parser)->verdict->body, at, len);
    return 0;
}

static int peer_message_complete(llhttp_t *parser)
{
    struct peer *peer = (struct peer *)parser;

    if (parser->status_code < 200 && parser->status_code != 101)
        return 0;
    peer->is_done = true;
    peer->verdict->status = parser->status_code;
    return HPE_PAUSED;
}

static struct verdict ask_llhttp(struct rp_slice input, bool is_head_request)
{
    struct verdict verdict = { .code = UNFINISHED };
    struct peer peer = { .verdict = &verdict, .is_head_request = is_head_request };
    llhttp_errno_t r;

    rp_buf_init(&verdict.body, SIZE_MAX / 2);
    llhttp_settings_init(&peer.settings);
    peer.settings.on_headers_complete = peer_headers_complete;
    peer.settings.on_body = peer_body;
    peer.settings.on_message_complete = peer_message_complete;
    llhttp_init(&peer.parser, HTTP_RESPONSE, &peer.settings);
    r = llhttp_execute(&peer.parser, input.ptr, input.len);
    verdict.end = input.len;
    if (peer.is_done)
        verdict.end = (size_t)(llhttp_get_error_pos(&peer.parser) - input.ptr);
    else if (r == HPE_OK)
        r = llhttp_finish(&peer.parser) == HPE_INVALID_EOF_STATE ? HPE_OK : r;
    if (peer.is_done)
        verdict.code = ACCEPTED;
    else if (r != HPE_OK)
        verdict.code = (int)r;
    return verdict;
}

static struct verdict ask_rampa(struct rp_slice input, bool is_head_request)
{
    struct verdict verdict = { 0 };
    struct h1_trace t;

    h1_trace_run(&t, input, RP_H1_HEAD_MAX, is_head_request, true, (struct h1_split){ 0 });
    verdict.code = t.parser.error == RP_H1_TRUNCATED ? UNFINISHED : (int)t.parser.error;
    verdict.status = t.parser.status;
    verdict.end = t.parser.offset;
    verdict.keep_alive = t.parser.keep_alive;
    verdict.is_version_0 = t.parser.minor_version == 0;
    verdict.body = t.body;
    rp_buf_deinit(&t.head);
    return verdict;
}

struct tally {
    size_t both, neither, listed;
    size_t seen[RP_ARRAY_LEN(differences)];
};

static void fail_with(const char *what, struct rp_slice input, const struct verdict *ours,
                      const struct verdict *theirs)
{
    for (size_t i = 0; i < input.len; i++)
        print_error((unsigned char)input.ptr[i] < 32 ? "\\x%02x" : "%c", input.ptr[i]);
    fail_msg("%s: verdict %d %d, status %u %u, end %zu %zu, kept %d %d, body %zu %zu bytes", what,
             ours->code, theirs->code, ours->status, theirs->status, ours->end, theirs->end,
             ours->keep_alive, theirs->keep_alive, ours->body.len, theirs->body.len);
}

static bool is_listed(struct tally *tally, struct rp_slice input, int ours, int theirs)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(differences); i++)
        if (differences[i].ours == ours && differences[i].theirs == theirs) {
            tally->listed++;
            tally->seen[i]++;
            return differences[i].applies(input);
        }
    return false;
}

/* llhttp reads each line of a folded Connection by itself. */
static bool is_same(const struct verdict *a, const struct verdict *b, struct rp_slice input)
{
    bool is_folded = holds(input, "\n ") || holds(input, "\n\t");

    return a->status == b->status && a->end == b->end &&
           (a->is_version_0 || is_folded || a->keep_alive == b->keep_alive) &&
           rp_slice_eq(rp_buf_slice(&a->body), rp_buf_slice(&b->body));
}

static void compare(struct tally *tally, struct rp_slice input, bool is_head_request)
{
    struct verdict ours = ask_rampa(input, is_head_request);
    struct verdict theirs = ask_llhttp(input, is_head_request);

    if (ours.code == ACCEPTED && theirs.code == ACCEPTED) {
        tally->both++;
        if (!is_same(&ours, &theirs, input))
            fail_with("both accept, but differ", input, &ours, &theirs);
    } else if (ours.code != ACCEPTED && theirs.code != ACCEPTED) {
        tally->neither++;
    } else if (!is_listed(tally, input, ours.code, theirs.code)) {
        fail_with("only one accepts, for no listed reason", input, &ours, &theirs);
    }
    rp_buf_deinit(&ours.body);
    rp_buf_deinit(&theirs.body);
}

static const char *const snippets[] = {
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    ";",
    ";a=b",
    ",",
    "0",
    "5",
    "a",
    "-",
    "x",
    "\x01",
    "\x80",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "X-Y: z\r\n",
    "0\r\n\r\n",
    "3\r\nabc\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
};

static size_t mutate(char *text, size_t len, uint64_t *seed)
{
    size_t at = h1_random(seed) % (len + 1), size;
    const char *snippet = snippets[h1_random(seed) % RP_ARRAY_LEN(snippets)];

    switch (h1_random(seed) % 4) {
    case 0: /* drop a few bytes */
        size = 1 + h1_random(seed) % 4;
        size = size < len - at ? size : len - at;
        memmove(text + at, text + at + size, len - at - size);
        return len - size;
    case 1: /* change a byte */
        if (at < len)
            text[at] = snippet[0];
        return len;
    case 2: /* insert at the start of a line */
        while (at > 0 && text[at - 1] != '\n')
            at--;
        break;
    }
    size = strlen(snippet);
    memmove(text + at + size, text + at, len - at);
    memcpy(text + at, snippet, size);
    return len + size;
}

static void the_verdicts_agree_but_for_the_list(void **state)
{
    struct tally tally = { 0 };
    uint64_t seed = 5;
    char text[2048];

    for (size_t i = 0; i < h1_sample_count; i++)
        compare(&tally, h1_samples[i].bytes, h1_samples[i].is_head_request);
    for (int i = 0; i < 100000; i++) {
        const struct h1_sample *sample = &h1_samples[h1_random(&seed) % h1_sample_count];
        size_t len = sample->bytes.len;
        char *block;

        memcpy(text, sample->bytes.ptr, len);
        for (uint64_t n = 1 + h1_random(&seed) % 2; n; n--)
            len = mutate(text, len, &seed);
        block = malloc(len ? len : 1);
        assert_non_null(block);
        memcpy(block, text, len);
        if (!is_misread_by_llhttp(rp_slice(block, len)))
            compare(&tally, rp_slice(block, len), sample->is_head_request);
        free(block);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(differences); i++)
        if (!tally.seen[i])
            fail_msg("no input shows the difference '%s'", differences[i].reason);
    print_message("both accept %zu, neither %zu, listed differences %zu\n", tally.both,
                  tally.neither, tally.listed);
    assert_true(tally.both > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verdicts_agree_but_for_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
