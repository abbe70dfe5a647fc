/* SPDX-License-Identifier: MIT */
#include "app/cli.h"
#include "plan/plan.h"

/*
 * The table of options. Parser, help, man page, reference and completion are made from it and from
 * the table of commands (commands.c): to add an option, add its row here and read its value where
 * the command begins.
 */

#define RP_IN_SCRIPT (RP_IN(RP_CMD_RUN) | RP_IN(RP_CMD_CHECK) | RP_IN(RP_CMD_INSPECT))
/* The commands that ask a run which goes on. */
#define RP_IN_CONTROL                                                                              \
    (RP_IN(RP_CMD_STATUS) | RP_IN(RP_CMD_STOP) | RP_IN(RP_CMD_PAUSE) | RP_IN(RP_CMD_RESUME) |      \
     RP_IN(RP_CMD_ADJUST))

const char *const rp_option_group_titles[RP_GROUP_COUNT] = {
    [RP_GROUP_LOAD] = "Load",
    [RP_GROUP_TLS] = "TLS",
    [RP_GROUP_CONNECTION] = "Connections",
    [RP_GROUP_REQUEST] = "Requests of URLs",
    [RP_GROUP_SCRIPT] = "Script",
    [RP_GROUP_JUDGEMENT] = "Thresholds",
    [RP_GROUP_OUTPUT] = "Output",
    [RP_GROUP_SERVER] = "Server",
    [RP_GROUP_GLOBAL] = "Global",
};

static const char *const formats[] = { "text", "json", NULL };
static const char *const compare_formats[] = { "text", "markdown", "json", NULL };
static const char *const fail_kinds[] = { "worse", "unclear", "change", "never", NULL };
static const char *const end_kinds[] = { "stop", "finish", NULL };
static const char *const tls_versions[] = { "1.0", "1.1", "1.2", "1.3", NULL };
static const char *const debug_kinds[] = { "headers", "full", NULL };
static const char *const loss_policies[] = { "abort", "continue", NULL };

/* clang-format off: a row is read as a paragraph, not as a column of fields */
const struct rp_option rp_options[RP_OPT_COUNT] = {
    [RP_OPT_VUS] = {
        .name = "--vus", .short_name = 'u', .other_name = 'c', .type = RP_TYPE_INT,
        .placeholder = "N", .min = 1, .max = INT64_MAX, .commands = RP_IN_SCRIPT,
        .env = "RAMPA_VUS", .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Virtual users that run at the same time",
    },
    [RP_OPT_DURATION] = {
        .name = "--duration", .short_name = 'd', .other_name = 'z', .type = RP_TYPE_DURATION,
        .placeholder = "TIME", .commands = RP_IN_SCRIPT, .env = "RAMPA_DURATION",
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "How long iterations are started: 30s, 1m30s, 250ms",
    },
    [RP_OPT_ITERATIONS] = {
        .name = "--iterations", .short_name = 'i', .other_name = 'n', .type = RP_TYPE_INT,
        .placeholder = "N", .min = 1, .max = INT64_MAX, .commands = RP_IN_SCRIPT,
        .env = "RAMPA_ITERATIONS", .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Iterations to run, shared among the virtual users",
    },
    [RP_OPT_STAGE] = {
        .name = "--stage", .type = RP_TYPE_STAGES, .placeholder = "TIME:TARGET",
        .commands = RP_IN_SCRIPT, .repeatable = true, .env = "RAMPA_STAGES", .group = RP_GROUP_LOAD,
        .since = "0.1.0",
        .help = "Go to TARGET virtual users within TIME, or to this rate where iterations arrive: "
                "30s:100, or several as in 30s:100,1m:0",
    },
    [RP_OPT_RATE] = {
        .name = "--rate", .type = RP_TYPE_RATE, .placeholder = "NUMBER/TIME",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_RATE", .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Start iterations at this rate, however long they take: 500/s, 30/m, 7/3s",
    },
    [RP_OPT_MAX_VUS] = {
        .name = "--max-vus", .type = RP_TYPE_INT, .placeholder = "N", .min = 1, .max = INT64_MAX,
        .commands = RP_IN_SCRIPT, .env = "RAMPA_MAX_VUS", .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Most virtual users: made to keep a rate, or for an adjustment",
    },
    [RP_OPT_SCENARIO] = {
        .name = "--scenario", .type = RP_TYPE_TEXT, .placeholder = "NAME", .commands = RP_IN_SCRIPT,
        .repeatable = true, .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Run this scenario of the script and not the others",
    },
    [RP_OPT_SEED] = {
        .name = "--seed", .type = RP_TYPE_INT, .placeholder = "N", .min = 0,
        .max = 9007199254740991, .commands = RP_IN_SCRIPT, .env = "RAMPA_SEED",
        .group = RP_GROUP_LOAD, .since = "0.1.0", .fallback = "by chance; the result has it",
        .help = "Seed of what is random in the run; the same one repeats it",
    },
    [RP_OPT_NO_SPIN] = {
        .name = "--no-spin", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT, .env = "RAMPA_NO_SPIN",
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Start iterations some 50 us less exactly, for less processor time",
    },
    [RP_OPT_NO_KERNEL_TIMESTAMPS] = {
        .name = "--no-kernel-timestamps", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .env = "RAMPA_NO_KERNEL_TIMESTAMPS", .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Time answers when the generator looks at them, not when the kernel received them",
    },
    [RP_OPT_SERIES_MEMORY] = {
        .name = "--series-memory", .type = RP_TYPE_INT, .placeholder = "MIB", .min = 1,
        .max = 1048576, .commands = RP_IN_SCRIPT, .env = "RAMPA_SERIES_MEMORY",
        .group = RP_GROUP_LOAD, .since = "0.1.0", .fallback = "64",
        .help = "Memory for the histograms of series in each worker; see metrics, Memory",
    },
    [RP_OPT_WORKERS] = {
        .name = "--workers", .short_name = 'w', .type = RP_TYPE_WORKERS, .placeholder = "N|auto",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_WORKERS", .group = RP_GROUP_LOAD, .since = "0.1.0",
        .fallback = "1",
        .help = "Share the work among N processes; auto is one for each core that rampa may use, "
                "fewer for a small test",
    },
    [RP_OPT_SEGMENT] = {
        .name = "--execution-segment", .type = RP_TYPE_TEXT, .placeholder = "FROM:TO",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_EXECUTION_SEGMENT", .group = RP_GROUP_LOAD,
        .since = "0.1.0", .fallback = "0:1",
        .help = "Make only this part of the load, while runs on other machines make the others: "
                "0:1/4, 25%:50%; see workers, Several machines",
    },
    [RP_OPT_SEGMENT_SEQUENCE] = {
        .name = "--execution-segment-sequence", .type = RP_TYPE_TEXT, .placeholder = "CUTS",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_EXECUTION_SEGMENT_SEQUENCE",
        .group = RP_GROUP_LOAD, .since = "0.1.0",
        .fallback = "the segment and what is left on both sides",
        .help = "Cuts between the segments of all runs that share the load: 0,1/4,1/2,1",
    },
    [RP_OPT_WORKER_LOSS] = {
        .name = "--on-worker-loss", .type = RP_TYPE_CHOICE, .placeholder = "WHAT",
        .choices = loss_policies, .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_ON_WORKER_LOSS",
        .group = RP_GROUP_LOAD, .since = "0.1.0", .fallback = "abort",
        .help = "When one of several worker processes dies: abort the run, or continue with the "
                "load of the others",
    },
    [RP_OPT_ONCE] = {
        .name = "--once", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT, .group = RP_GROUP_LOAD,
        .since = "0.1.0",
        .help = "Run one iteration of each scenario, and show each request and its answer",
    },
    [RP_OPT_BASE_URL] = {
        .name = "--base-url", .type = RP_TYPE_URL, .placeholder = "URL", .commands = RP_IN_SCRIPT,
        .env = "RAMPA_BASE_URL", .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "Put URL before URLs that begin with /, those of a script too",
    },
    [RP_OPT_INSECURE] = {
        .name = "--insecure", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .env = "RAMPA_INSECURE", .group = RP_GROUP_TLS, .since = "0.1.0",
        .help = "Accept any certificate of a server",
    },
    [RP_OPT_CACERT] = {
        .name = "--cacert", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN_SCRIPT | RP_IN_CONTROL,
        .env = "RAMPA_CACERT", .group = RP_GROUP_TLS, .since = "0.1.0",
        .fallback = "those of the system",
        .help = "Trust the authorities in FILE (PEM), and no others",
    },
    [RP_OPT_CERT] = {
        .name = "--cert", .type = RP_TYPE_FILE, .placeholder = "FILE", .commands = RP_IN_SCRIPT,
        .env = "RAMPA_CERT", .group = RP_GROUP_TLS, .since = "0.1.0",
        .help = "Show servers the certificate in FILE (PEM), with its chain",
    },
    [RP_OPT_KEY] = {
        .name = "--key", .type = RP_TYPE_FILE, .placeholder = "FILE", .commands = RP_IN_SCRIPT,
        .env = "RAMPA_KEY", .group = RP_GROUP_TLS, .since = "0.1.0",
        .fallback = "in the file of --cert",
        .help = "Key of that certificate (PEM, not encrypted)",
    },
    [RP_OPT_TLS_MIN] = {
        .name = "--tls-min", .type = RP_TYPE_CHOICE, .placeholder = "VERSION",
        .choices = tls_versions, .commands = RP_IN_SCRIPT, .env = "RAMPA_TLS_MIN",
        .group = RP_GROUP_TLS, .since = "0.1.0", .fallback = "1.2",
        .help = "Oldest version of TLS to speak",
    },
    [RP_OPT_TLS_MAX] = {
        .name = "--tls-max", .type = RP_TYPE_CHOICE, .placeholder = "VERSION",
        .choices = tls_versions, .commands = RP_IN_SCRIPT, .env = "RAMPA_TLS_MAX",
        .group = RP_GROUP_TLS, .since = "0.1.0", .fallback = "1.3",
        .help = "Newest version of TLS to speak",
    },
    [RP_OPT_CIPHERS] = {
        .name = "--ciphers", .type = RP_TYPE_TEXT, .placeholder = "LIST", .commands = RP_IN_SCRIPT,
        .env = "RAMPA_CIPHERS", .group = RP_GROUP_TLS, .since = "0.1.0",
        .fallback = "those of OpenSSL",
        .help = "Ciphers to offer, separated by colons, by their names in OpenSSL or of IANA",
    },
    [RP_OPT_CERT_STATUS] = {
        .name = "--cert-status", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .env = "RAMPA_CERT_STATUS", .group = RP_GROUP_TLS, .since = "0.1.0",
        .help = "Accept a certificate only when the server brings along that it is not revoked (OCSP stapling)",
    },
    [RP_OPT_NO_TLS_RESUMPTION] = {
        .name = "--no-tls-resumption", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .env = "RAMPA_NO_TLS_RESUMPTION", .group = RP_GROUP_TLS, .since = "0.1.0",
        .help = "Make each TLS handshake a full one, as of a user who comes for the first time",
    },
    [RP_OPT_TLS_KEYLOG] = {
        .name = "--tls-keylog", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN_SCRIPT, .group = RP_GROUP_TLS, .since = "0.1.0",
        .help = "Append the keys of TLS connections to FILE, with which Wireshark reads a capture",
    },
    [RP_OPT_CONNECT_TIMEOUT] = {
        .name = "--connect-timeout", .type = RP_TYPE_DURATION, .placeholder = "TIME",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_CONNECT_TIMEOUT", .group = RP_GROUP_CONNECTION,
        .since = "0.1.0", .fallback = "the time-out of the request",
        .help = "How long opening a connection may take: look-up, connect and TLS handshake",
    },
    [RP_OPT_HTTP2] = {
        .name = "--http2", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT, .env = "RAMPA_HTTP2",
        .group = RP_GROUP_CONNECTION, .since = "0.1.0",
        .help = "Speak HTTP/2 with http:// too, by prior knowledge; over TLS the server chooses",
    },
    [RP_OPT_NO_HTTP2] = {
        .name = "--no-http2", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .env = "RAMPA_NO_HTTP2", .group = RP_GROUP_CONNECTION, .since = "0.1.0",
        .help = "Speak HTTP/1.1 only, over TLS too, whatever the script says",
    },
    [RP_OPT_NO_REUSE] = {
        .name = "--no-reuse", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .env = "RAMPA_NO_REUSE", .group = RP_GROUP_CONNECTION, .since = "0.1.0",
        .help = "Open a new connection for each request",
    },
    [RP_OPT_NO_VU_REUSE] = {
        .name = "--no-vu-reuse", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .env = "RAMPA_NO_VU_REUSE", .group = RP_GROUP_CONNECTION, .since = "0.1.0",
        .help = "Close the connections of a virtual user when its iteration ends",
    },
    [RP_OPT_CONNECTIONS_PER_HOST] = {
        .name = "--connections-per-host", .type = RP_TYPE_INT, .placeholder = "N", .min = 1,
        .max = 10000, .commands = RP_IN_SCRIPT, .env = "RAMPA_CONNECTIONS_PER_HOST",
        .group = RP_GROUP_CONNECTION, .since = "0.1.0", .fallback = "6",
        .help = "Most connections of a virtual user to one host and port",
    },
    [RP_OPT_SHARED_CONNECTIONS] = {
        .name = "--shared-connections", .type = RP_TYPE_INT, .placeholder = "N", .min = 0,
        .max = 1000000, .commands = RP_IN_SCRIPT, .env = "RAMPA_SHARED_CONNECTIONS",
        .group = RP_GROUP_CONNECTION, .since = "0.1.0",
        .help = "Have all virtual users of a worker share at most N connections to one host and port",
    },
    [RP_OPT_RESOLVE] = {
        .name = "--resolve", .type = RP_TYPE_TEXT, .placeholder = "HOST:PORT:ADDRESS[,ADDRESS...]",
        .commands = RP_IN_SCRIPT, .repeatable = true, .group = RP_GROUP_CONNECTION,
        .since = "0.1.0",
        .help = "Connect to ADDRESS for HOST and PORT, without a look-up",
    },
    [RP_OPT_CONNECT_TO] = {
        .name = "--connect-to", .type = RP_TYPE_TEXT, .placeholder = "HOST1:PORT1:HOST2:PORT2",
        .commands = RP_IN_SCRIPT, .repeatable = true, .group = RP_GROUP_CONNECTION,
        .since = "0.1.0",
        .help = "Connect to HOST2 and PORT2 for HOST1 and PORT1; what is left empty is any, or the "
                "same",
    },
    [RP_OPT_UNIX_SOCKET] = {
        .name = "--unix-socket", .type = RP_TYPE_FILE, .placeholder = "PATH",
        .commands = RP_IN_SCRIPT, .group = RP_GROUP_CONNECTION, .since = "0.1.0",
        .help = "Connect to this socket of the machine, whatever the host",
    },
    [RP_OPT_ALLOW_IPS] = {
        .name = "--allow-ips", .type = RP_TYPE_TEXT, .placeholder = "LIST",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_ALLOW_IPS", .group = RP_GROUP_CONNECTION,
        .since = "0.1.0", .fallback = "all",
        .help = "Connect only to these addresses and networks, whatever a script or a redirect says: "
                "127.0.0.1,10.0.0.0/8",
    },
    [RP_OPT_LOCAL_IPS] = {
        .name = "--local-ips", .type = RP_TYPE_TEXT, .placeholder = "LIST",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_LOCAL_IPS", .group = RP_GROUP_CONNECTION,
        .since = "0.1.0", .fallback = "chosen by the system",
        .help = "Connect from these addresses, one for each virtual user in turn: 10.0.0.5, "
                "10.0.0.5-10.0.0.9, 10.0.0.0/28, separated by commas",
    },
    [RP_OPT_DNS] = {
        .name = "--dns", .type = RP_TYPE_TEXT, .placeholder = "SETTINGS", .commands = RP_IN_SCRIPT,
        .env = "RAMPA_DNS", .group = RP_GROUP_CONNECTION, .since = "0.1.0",
        .fallback = "ttl=answer,select=vu,policy=any",
        .help = "How names become addresses: ttl=TIME, 0 or inf, select=first, roundRobin or random, "
                "policy=preferIPv4, preferIPv6, onlyIPv4 or onlyIPv6, separated by commas",
    },
    [RP_OPT_TRACEPARENT] = {
        .name = "--traceparent", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .env = "RAMPA_TRACEPARENT", .group = RP_GROUP_CONNECTION, .since = "0.1.0",
        .help = "Send the field traceparent (W3C Trace Context) with a new id in each request",
    },
    [RP_OPT_PROXY] = {
        .name = "--proxy", .short_name = 'x', .type = RP_TYPE_TEXT, .placeholder = "URL",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_PROXY", .group = RP_GROUP_CONNECTION,
        .since = "0.1.0", .fallback = "none, whatever http_proxy says",
        .help = "Go through this proxy: http://, https://, socks5:// or socks5h://[USER:PASSWORD@]HOST:PORT",
    },
    [RP_OPT_NO_PROXY] = {
        .name = "--no-proxy", .type = RP_TYPE_TEXT, .placeholder = "HOSTS",
        .commands = RP_IN_SCRIPT, .env = "RAMPA_NO_PROXY", .group = RP_GROUP_CONNECTION,
        .since = "0.1.0",
        .help = "Reach these hosts without the proxy: a.example,b.example:8080,10.0.0.0/8",
    },
    [RP_OPT_TARGETS] = {
        .name = "--targets", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Request what FILE lists, in turn: method, URL, headers and body of each; - reads "
                "the standard input",
    },
    [RP_OPT_METHOD] = {
        .name = "--method", .short_name = 'X', .type = RP_TYPE_TEXT, .placeholder = "METHOD",
        .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0", .fallback = "GET; POST with a body",
        .help = "Method of the requests",
    },
    [RP_OPT_HEADER] = {
        .name = "--header", .short_name = 'H', .type = RP_TYPE_HEADER,
        .placeholder = "'NAME: VALUE'", .commands = RP_IN_SCRIPT, .repeatable = true,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Send this header field; @FILE sends all lines of FILE, which keeps secrets out of "
                "the command line",
    },
    [RP_OPT_BODY] = {
        .name = "--body", .type = RP_TYPE_TEXT, .placeholder = "TEXT", .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Send TEXT as the body; with ws:// as a message, whose answer is waited for",
    },
    [RP_OPT_BODY_FILE] = {
        .name = "--body-file", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Send the content of FILE as the body",
    },
    [RP_OPT_JSON] = {
        .name = "--json", .type = RP_TYPE_TEXT, .placeholder = "JSON", .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Send JSON as the body, with Content-Type: application/json, or as the message of "
                "a call of gRPC; @FILE sends the content of FILE",
    },
    [RP_OPT_PROTO] = {
        .name = "--proto", .type = RP_TYPE_FILE, .placeholder = "FILE", .commands = RP_IN_SCRIPT,
        .repeatable = true,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Read what the messages of gRPC look like from this .proto file or descriptor set",
    },
    [RP_OPT_COMPRESSED] = {
        .name = "--compressed", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Ask for compressed answers: send Accept-Encoding: gzip, deflate, br, zstd",
    },
    [RP_OPT_TIMEOUT] = {
        .name = "--timeout", .type = RP_TYPE_DURATION, .placeholder = "TIME",
        .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0", .fallback = "60s",
        .help = "How long a request may take; one that takes longer has failed",
    },
    [RP_OPT_EXPECT_STATUS] = {
        .name = "--expect-status", .type = RP_TYPE_STATUSES, .placeholder = "LIST",
        .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0", .fallback = "200-399",
        .help = "Statuses that are no failure: 200,204, 200-299, 2xx",
    },
    [RP_OPT_FOLLOW] = {
        .name = "--follow", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Follow redirects, at most 10 in a row; each is a request of its own",
    },
    [RP_OPT_COOKIE] = {
        .name = "--cookie", .type = RP_TYPE_PAIR, .placeholder = "NAME=VALUE",
        .commands = RP_IN_SCRIPT, .repeatable = true,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Send a cookie with each request",
    },
    [RP_OPT_AUTH] = {
        .name = "--auth", .type = RP_TYPE_TEXT, .placeholder = "USER:PASSWORD",
        .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Send a user name and a password with each request; @FILE has them in a file",
    },
    [RP_OPT_DIGEST] = {
        .name = "--digest", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Have --auth answer the challenge of the server; each request is made twice",
    },
    [RP_OPT_BEARER] = {
        .name = "--bearer", .type = RP_TYPE_TEXT, .placeholder = "TOKEN",
        .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Send a token with each request; @FILE has it in a file",
    },
    [RP_OPT_FORM] = {
        .name = "--form", .short_name = 'F', .type = RP_TYPE_PAIR, .placeholder = "NAME=VALUE",
        .commands = RP_IN_SCRIPT, .repeatable = true,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Send a form with this field; with NAME=@FILE the field is a file",
    },
    [RP_OPT_SUBPROTOCOL] = {
        .name = "--subprotocol", .type = RP_TYPE_TEXT, .placeholder = "NAME",
        .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_REQUEST, .since = "0.1.0",
        .help = "Ask for this subprotocol with ws://; a server that does not choose it fails",
    },
    [RP_OPT_ENV] = {
        .name = "--env", .short_name = 'e', .type = RP_TYPE_PAIR, .placeholder = "KEY=VALUE",
        .commands = RP_IN_SCRIPT, .repeatable = true,
        .group = RP_GROUP_SCRIPT, .since = "0.1.0",
        .help = "Set a variable that the script reads from worker.env",
    },
    [RP_OPT_TAG] = {
        .name = "--tag", .type = RP_TYPE_PAIR, .placeholder = "KEY=VALUE",
        .commands = RP_IN_SCRIPT, .repeatable = true,
        .group = RP_GROUP_SCRIPT, .since = "0.1.0",
        .help = "Add a tag to every sample of the run",
    },
    [RP_OPT_PYTHON] = {
        .name = "--python", .type = RP_TYPE_FILE, .placeholder = "PATH",
        .commands = RP_IN_SCRIPT | RP_IN(RP_CMD_ARCHIVE) | RP_IN(RP_CMD_DOCTOR) | RP_IN(RP_CMD_MCP) | RP_IN(RP_CMD_AGENT),
        .env = "RAMPA_PYTHON",
        .group = RP_GROUP_SCRIPT, .since = "0.1.0",
        .fallback = "that of the active virtual environment, else the one rampa was built for",
        .help = "Python interpreter that runs the script",
    },
    [RP_OPT_AT_END] = {
        .name = "--at-end", .type = RP_TYPE_CHOICE, .placeholder = "WHAT", .choices = end_kinds,
        .commands = RP_IN(RP_CMD_MCP), .env = "RAMPA_MCP_AT_END",
        .group = RP_GROUP_SERVER, .since = "0.1.0", .fallback = "stop",
        .help = "What becomes of runs that are on when the server ends, or its client dies: they stop, or finish and are found by the next server",
    },
    [RP_OPT_INCLUDE] = {
        .name = "--include", .type = RP_TYPE_TEXT, .placeholder = "PATH", .repeatable = true,
        .commands = RP_IN(RP_CMD_ARCHIVE), .group = RP_GROUP_SCRIPT, .since = "0.1.0",
        .help = "Add a file, or all files of a folder, that the script does not name or that is kept out",
    },
    [RP_OPT_NO_SETUP] = {
        .name = "--no-setup", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_SCRIPT, .since = "0.1.0",
        .help = "Do not run setup(); worker.setup_data is None",
    },
    [RP_OPT_NO_TEARDOWN] = {
        .name = "--no-teardown", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_SCRIPT, .since = "0.1.0",
        .help = "Do not run teardown()",
    },
    [RP_OPT_THRESHOLD] = {
        .name = "--threshold", .type = RP_TYPE_CRITERION, .placeholder = "METRIC:EXPRESSION",
        .commands = RP_IN_SCRIPT, .repeatable = true,
        .group = RP_GROUP_JUDGEMENT, .since = "0.1.0",
        .help = "Fail with exit code 1 unless METRIC meets EXPRESSION, beside the thresholds of the "
                "script",
    },
    [RP_OPT_NO_THRESHOLDS] = {
        .name = "--no-thresholds", .type = RP_TYPE_FLAG, .commands = RP_IN_SCRIPT,
        .group = RP_GROUP_JUDGEMENT, .since = "0.1.0",
        .help = "Leave out the thresholds of the script",
    },
    [RP_OPT_OUT] = {
        .name = "--out", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_OUT",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Write the result as JSON to FILE when the run has ended; - is standard output",
    },
    [RP_OPT_OUTPUT] = {
        .name = "--output", .short_name = 'O', .type = RP_TYPE_TEXT, .placeholder = "NAME[=DEST]",
        .commands = RP_IN(RP_CMD_RUN), .repeatable = true, .env = "RAMPA_OUTPUT",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Write what is measured to another place too: csv=FILE, ndjson=FILE, "
                "json=FILE, junit=FILE, github, influxdb=URL, "
                "otel[=URL], prometheus=URL, webhook=URL, console[=FILE], or a class in "
                "Python, MODULE:CLASS[=DEST]",
    },
    [RP_OPT_OUTPUT_OPTION] = {
        .name = "--output-option", .type = RP_TYPE_TEXT, .placeholder = "NAME.KEY=VALUE",
        .commands = RP_IN(RP_CMD_RUN), .repeatable = true,
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Set an option of an output: csv.sample=1/10",
    },
    [RP_OPT_FAILED_EXCHANGES] = {
        .name = "--failed-exchanges", .type = RP_TYPE_INT, .placeholder = "N",
        .min = 0, .max = 100, .commands = RP_IN_SCRIPT, .env = "RAMPA_FAILED_EXCHANGES",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0", .fallback = "3",
        .help = "Keep the first N failed requests of each kind for the result, with their answers; "
                "0 keeps none",
    },
    [RP_OPT_HTTP_DEBUG] = {
        .name = "--http-debug", .type = RP_TYPE_CHOICE, .placeholder = "full", .bare = "headers",
        .choices = debug_kinds, .commands = RP_IN_SCRIPT, .env = "RAMPA_HTTP_DEBUG",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Show on standard error each request and its answer, the first 500 of them; with "
                "=full also the start of the bodies",
    },
    [RP_OPT_EVENT_LOG] = {
        .name = "--event-log", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_EVENT_LOG",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Write what happens while it happens to FILE, one JSON object a line",
    },
    [RP_OPT_TREND_STATS] = {
        .name = "--summary-trend-stats", .type = RP_TYPE_STATS, .placeholder = "LIST",
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_SUMMARY_TREND_STATS",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .fallback = "avg,min,max,med,p(90),p(95),p(99)",
        .help = "Statistics of times that the summary shows, separated by commas: avg, min, max, "
                "med, count, p(N) for any N from 0 to 100",
    },
    [RP_OPT_HISTOGRAM] = {
        .name = "--histogram", .type = RP_TYPE_FLAG,
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_HISTOGRAM",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0", .fallback = "only with URLs",
        .help = "Draw in the summary how long requests took",
    },
    [RP_OPT_STRICT] = {
        .name = "--strict", .type = RP_TYPE_FLAG,
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_STRICT",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Fail with exit code 8 when the generator itself was the limit",
    },
    [RP_OPT_PROGRESS] = {
        .name = "--progress", .type = RP_TYPE_FLAG,
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_PROGRESS",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .fallback = "only when stderr is a terminal",
        .help = "Show progress while the test runs",
    },
    [RP_OPT_TUI] = {
        .name = "--tui", .type = RP_TYPE_FLAG,
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_TUI",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Show the run on the whole terminal, and steer it by keys; where there is no "
                "terminal, the progress",
    },
    [RP_OPT_QUIET] = {
        .name = "--quiet", .short_name = 'q', .type = RP_TYPE_FLAG,
        .commands = RP_IN(RP_CMD_RUN), .env = "RAMPA_QUIET",
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Print neither progress nor summary, only errors and warnings; --progress brings "
                "the progress back",
    },
    [RP_OPT_FORMAT] = {
        .name = "--format", .type = RP_TYPE_CHOICE, .placeholder = "FORMAT", .choices = formats,
        .commands = RP_IN(RP_CMD_INSPECT) | RP_IN(RP_CMD_DOCTOR) | RP_IN(RP_CMD_RESULT) |
                    RP_IN_CONTROL,
        .group = RP_GROUP_OUTPUT, .since = "0.1.0", .fallback = "text",
        .help = "How to print: text for people, json for programs",
    },
    [RP_OPT_COMPARE_FORMAT] = {
        .name = "--format", .type = RP_TYPE_CHOICE, .placeholder = "FORMAT",
        .choices = compare_formats, .commands = RP_IN(RP_CMD_COMPARE),
        .group = RP_GROUP_OUTPUT, .since = "0.1.0", .fallback = "text",
        .help = "How to print the comparison: text, markdown for a page of CI, json for programs",
    },
    [RP_OPT_FAIL_ON] = {
        .name = "--fail-on", .type = RP_TYPE_CHOICE, .placeholder = "WHAT", .choices = fail_kinds,
        .commands = RP_IN(RP_CMD_COMPARE), .group = RP_GROUP_JUDGEMENT, .since = "0.1.0",
        .fallback = "worse",
        .help = "What makes the exit code 1; unclear is what is worse or cannot be told from chance",
    },
    [RP_OPT_MIN_EFFECT] = {
        .name = "--min-effect", .type = RP_TYPE_TEXT, .placeholder = "PERCENT",
        .commands = RP_IN(RP_CMD_COMPARE), .group = RP_GROUP_JUDGEMENT, .since = "0.1.0",
        .fallback = "5%; of shares 0.5 points",
        .help = "The smallest change that matters",
    },
    [RP_OPT_SERVE] = {
        .name = "--serve", .type = RP_TYPE_TEXT, .placeholder = "HOST:PORT", .bare = "unix",
        .commands = RP_IN(RP_CMD_RUN), .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Let 'rampa status', stop, pause, resume and adjust, and other programs, watch "
                "and steer the run, on a socket of this user; with a value on TCP too",
    },
    [RP_OPT_SERVE_CERT] = {
        .name = "--serve-cert", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN(RP_CMD_RUN),
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Speak https there, with the certificate in FILE (PEM) and its chain; then HOST may be "
                "reached from other machines",
    },
    [RP_OPT_SERVE_KEY] = {
        .name = "--serve-key", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN(RP_CMD_RUN),
        .group = RP_GROUP_OUTPUT, .since = "0.1.0", .fallback = "in the file of --serve-cert",
        .help = "Key of that certificate (PEM, not encrypted)",
    },
    [RP_OPT_TOKEN_FILE] = {
        .name = "--token-file", .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN_CONTROL,
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Where the token of the run is, when RUN is a URL; a '-' reads it from the standard input",
    },
    [RP_OPT_BROWSER] = {
        .name = "--browser", .type = RP_TYPE_FLAG, .commands = RP_IN(RP_CMD_STATUS),
        .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Print an address of the run's live page, which one browser may open, once",
    },
    [RP_OPT_REASON] = {
        .name = "--reason", .type = RP_TYPE_TEXT, .placeholder = "TEXT",
        .commands = RP_IN(RP_CMD_STOP), .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .help = "Why the run is stopped, for its summary and its result",
    },
    [RP_OPT_ADJUST_SCENARIO] = {
        .name = "--scenario", .type = RP_TYPE_TEXT, .placeholder = "NAME",
        .commands = RP_IN(RP_CMD_ADJUST), .group = RP_GROUP_LOAD, .since = "0.1.0",
        .fallback = "the only one",
        .help = "The scenario that gets another load",
    },
    [RP_OPT_ADJUST_VUS] = {
        .name = "--vus", .type = RP_TYPE_INT, .placeholder = "N", .min = 0, .max = INT64_MAX,
        .commands = RP_IN(RP_CMD_ADJUST), .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "So many virtual users, of constant-vus and ramping-vus",
    },
    [RP_OPT_ADJUST_RATE] = {
        .name = "--rate", .type = RP_TYPE_RATE, .placeholder = "NUMBER/TIME",
        .commands = RP_IN(RP_CMD_ADJUST), .group = RP_GROUP_LOAD, .since = "0.1.0",
        .help = "So many iterations, of the arrival executors: 500/s, 30/m",
    },
    [RP_OPT_HOLD] = {
        .name = "--hold", .type = RP_TYPE_FLAG, .commands = RP_IN(RP_CMD_ADJUST),
        .group = RP_GROUP_LOAD, .since = "0.1.0", .fallback = "until the present stage ends",
        .help = "Keep the load to the end of the scenario",
    },
    [RP_OPT_PAGE] = {
        .name = "--page", .short_name = 'o', .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN(RP_CMD_REPORT), .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .fallback = "the name of the first result with .html",
        .help = "Write the page to FILE; - is standard output",
    },
    [RP_OPT_ARCHIVE] = {
        .name = "--archive", .short_name = 'o', .type = RP_TYPE_FILE, .placeholder = "FILE",
        .commands = RP_IN(RP_CMD_ARCHIVE), .group = RP_GROUP_OUTPUT, .since = "0.1.0",
        .fallback = "the name of the script with .rampa, in this folder",
        .help = "Write the archive to FILE",
    },
    [RP_OPT_HOST] = {
        .name = "--host", .type = RP_TYPE_TEXT, .placeholder = "ADDRESS",
        .commands = RP_IN(RP_CMD_TARGET), .env = "RAMPA_TARGET_HOST",
        .group = RP_GROUP_SERVER, .since = "0.1.0", .fallback = "127.0.0.1",
        .help = "Address to listen on",
    },
    [RP_OPT_PORT] = {
        .name = "--port", .short_name = 'p', .type = RP_TYPE_INT, .placeholder = "N",
        .min = 0, .max = 65535,
        .commands = RP_IN(RP_CMD_TARGET), .env = "RAMPA_TARGET_PORT",
        .group = RP_GROUP_SERVER, .since = "0.1.0", .fallback = "8080",
        .help = "Port to listen on; 0 takes a free one and says which",
    },
    [RP_OPT_TARGET_TLS] = {
        .name = "--tls", .type = RP_TYPE_FLAG,
        .commands = RP_IN(RP_CMD_TARGET), .env = "RAMPA_TARGET_TLS",
        .group = RP_GROUP_SERVER, .since = "0.1.0",
        .help = "Speak https, with a certificate that is made at the start; its file is printed, for --cacert",
    },
    [RP_OPT_NO_COLOR] = {
        .name = "--no-color", .type = RP_TYPE_FLAG, .commands = RP_IN_ALL,
        .group = RP_GROUP_GLOBAL, .since = "0.1.0", .fallback = "colours on a terminal",
        .help = "Print without colours, as NO_COLOR does",
    },
    [RP_OPT_HELP] = {
        .name = "--help", .short_name = 'h', .type = RP_TYPE_FLAG, .commands = RP_IN_ALL,
        .group = RP_GROUP_GLOBAL, .since = "0.1.0",
        .help = "Show help and exit",
    },
    [RP_OPT_VERSION] = {
        .name = "--version", .short_name = 'V', .type = RP_TYPE_FLAG, .commands = RP_IN_ALL,
        .group = RP_GROUP_GLOBAL, .since = "0.1.0",
        .help = "Show the version and exit",
    },
};
/* clang-format on */

bool rp_option_belongs(const struct rp_option *option, const struct rp_command *command)
{
    if (!command)
        return option->commands == RP_IN_ALL;
    return option->commands & RP_IN(rp_command_id(command));
}
