/* SPDX-License-Identifier: MIT */
#include "h1_samples.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

const struct h1_sample h1_samples[] = {
    { "nginx, a small file",
      RP_SLICE(OK "Server: nginx/1.22.1\r\nDate: Tue, 06 May 2025 10:11:12 GMT\r\n"
                  "Content-Type: text/plain\r\nContent-Length: 13\r\n"
                  "Last-Modified: Mon, 05 May 2025 09:00:00 GMT\r\nConnection: keep-alive\r\n"
                  "ETag: \"68187d70-d\"\r\nAccept-Ranges: bytes\r\n\r\nHello, world\n") },
    { "nginx, 404 chunked by a proxy",
      RP_SLICE("HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Type: text/html\r\n"
               "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
               "a\r\n0123456789\r\n1F\r\nabcdefghijklmnopqrstuvwxyz01234\r\n0\r\n\r\n") },
    { "extensions and trailers", RP_SLICE(CHUNKED "5;name=value;q=\"a;b\"\r\nhello\r\n"
                                                  "0;last\r\nExpires: never\r\nX:\r\n\r\n") },
    { "blanks after the chunk size", RP_SLICE(CHUNKED "5  \r\nhello\r\n0\r\n\r\n") },
    { "lone LFs", RP_SLICE("HTTP/1.1 200 OK\nContent-Length: 3\nA: b\n\nxyz") },
    { "lone LFs, chunked", RP_SLICE("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n"
                                    "3\r\nabc\r\n0\r\nT: v\n\n") },
    { "100 and 103 before 200",
      RP_SLICE("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK
               "Content-Length: 2\r\n\r\nok") },
    { "101", RP_SLICE("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\n\r\n\x81\x02hi") },
    { "until close", RP_SLICE("HTTP/1.0 200 OK\r\nServer: old\r\n\r\nall that comes\r\n\r\n") },
    { "HTTP/1.0 kept alive", RP_SLICE("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n"
                                      "Content-Length: 4\r\n\r\nbodyHTTP/1.0 200 OK\r\n") },
    { "HEAD", RP_SLICE(OK "Content-Length: 1000\r\n\r\n"), true },
    { "HEAD, chunked", RP_SLICE(OK "Transfer-Encoding: chunked\r\n\r\n"), true },
    { "204", RP_SLICE("HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n") },
    { "204 with a length and more", RP_SLICE("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n"
                                             "abc") },
    { "304", RP_SLICE("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 77\r\n\r\n") },
    { "no body, two responses", RP_SLICE(OK "Content-Length: 0\r\n\r\n" OK "\r\n") },
    { "equal lengths", RP_SLICE(OK "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc") },
    { "a list of equal lengths", RP_SLICE(OK "Content-Length: 3 , 3\r\n\r\nabc") },
    { "no reason, no blank", RP_SLICE("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx") },
    { "odd but legal values", RP_SLICE(OK "A:b\r\nC: \t d \t\r\nE:\r\nF: \xc3\xa4\x80\r\n"
                                          "Connection: close , x\r\nContent-Length:1\r\n\r\nx") },
    { "garbage", RP_SLICE("SSH-2.0-OpenSSH_9.2p1\r\n") },
    { "a TLS alert", RP_SLICE("\x15\x03\x01\x00\x02\x02\x16") },
    { "nothing", RP_SLICE("") },
    { "HTTP/2 version", RP_SLICE("HTTP/2.0 200 OK\r\n\r\n") },
    { "HTTP/1.2", RP_SLICE("HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n") },
    { "empty line first", RP_SLICE("\r\n" OK "Content-Length: 0\r\n\r\n") },
    { "two digits", RP_SLICE("HTTP/1.1 20 OK\r\n\r\n") },
    { "four digits", RP_SLICE("HTTP/1.1 2000 OK\r\n\r\n") },
    { "status 099", RP_SLICE("HTTP/1.1 099 No\r\n\r\n") },
    { "status 999", RP_SLICE("HTTP/1.1 999 Custom\r\nContent-Length: 0\r\n\r\n") },
    { "NUL in the reason", RP_SLICE("HTTP/1.1 200 O\0K\r\n\r\n") },
    { "bare CR in the reason", RP_SLICE("HTTP/1.1 200 O\rK\r\n\r\n") },
    { "no colon", RP_SLICE(OK "Server nginx\r\n\r\n") },
    { "blank before the colon", RP_SLICE(OK "Server : nginx\r\n\r\n") },
    { "empty name", RP_SLICE(OK ": x\r\n\r\n") },
    { "folded line", RP_SLICE(OK "A: b\r\n  c\r\nContent-Length: 0\r\n\r\n") },
    { "NUL in a value", RP_SLICE(OK "A: b\0c\r\n\r\n") },
    { "bare CR in a value", RP_SLICE(OK "A: b\rc\r\n\r\n") },
    { "control byte in a value", RP_SLICE(OK "A: b\x01"
                                             "c\r\nContent-Length: 0\r\n\r\n") },
    { "CR before the last line end", RP_SLICE(OK "A: b\r\r\n\r\n") },
    { "bare CR at a line's start", RP_SLICE(OK "\rA: b\r\n\r\n") },
    { "negative length", RP_SLICE(OK "Content-Length: -1\r\n\r\n") },
    { "signed length", RP_SLICE(OK "Content-Length: +1\r\n\r\nx") },
    { "empty length", RP_SLICE(OK "Content-Length:\r\n\r\n") },
    { "length with text", RP_SLICE(OK "Content-Length: 1x\r\n\r\nx") },
    { "huge length", RP_SLICE(OK "Content-Length: 18446744073709551616\r\n\r\n") },
    { "largest length", RP_SLICE(OK "Content-Length: 18446744073709551614\r\n\r\nxyz") },
    { "different lengths", RP_SLICE(OK "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd") },
    { "length and coding", RP_SLICE(OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                                       "0\r\n\r\n") },
    { "coding and length", RP_SLICE(OK "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
                                       "0\r\n\r\n") },
    { "gzip, chunked", RP_SLICE(OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n") },
    { "gzip until close", RP_SLICE(OK "Transfer-Encoding: gzip\r\n\r\nxyz") },
    { "chunked twice", RP_SLICE(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"
                                   "\r\n0\r\n\r\n") },
    { "chunked by HTTP/1.0", RP_SLICE("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
                                      "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n") },
    { "no chunk size", RP_SLICE(CHUNKED "\r\nhello\r\n") },
    { "chunk size no number", RP_SLICE(CHUNKED "xyz\r\n") },
    { "chunk size 0x5", RP_SLICE(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n") },
    { "chunk size too large", RP_SLICE(CHUNKED "10000000000000000\r\nx") },
    { "leading zeros", RP_SLICE(CHUNKED "00000000000000000005\r\nhello\r\n000\r\n\r\n") },
    { "text after the size", RP_SLICE(CHUNKED "5 hello\r\nhello\r\n0\r\n\r\n") },
    { "CR in an extension", RP_SLICE(CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n") },
    { "NUL in an extension", RP_SLICE(CHUNKED "5;a\0b\r\nhello\r\n0\r\n\r\n") },
    { "chunk longer than its size", RP_SLICE(CHUNKED "3\r\nhello\r\n0\r\n\r\n") },
    { "CR alone after a chunk", RP_SLICE(CHUNKED "3\r\nabc\r0\r\n\r\n") },
    { "bad trailer name", RP_SLICE(CHUNKED "0\r\nA b: c\r\n\r\n") },
    { "folded trailer", RP_SLICE(CHUNKED "0\r\nA: c\r\n d\r\n\r\n") },
    { "NUL in a trailer", RP_SLICE(CHUNKED "0\r\nA: c\0\r\n\r\n") },
    { "CR in a trailer", RP_SLICE(CHUNKED "0\r\nA: c\rd\r\n\r\n") },
    { "CR at the end of trailers", RP_SLICE(CHUNKED "0\r\n\rx") },
    { "lone LF after a chunk size", RP_SLICE(CHUNKED "3\nabc\r\n0\r\n\r\n") },
    { "lone LF after a chunk", RP_SLICE(CHUNKED "4\r\nabc\r\n0\r\n\r\n") },
    { "truncated head", RP_SLICE(OK "Content-Le") },
    { "truncated body", RP_SLICE(OK "Content-Length: 5\r\n\r\nhel") },
    { "truncated chunk", RP_SLICE(CHUNKED "5\r\nhel") },
    { "truncated trailers", RP_SLICE(CHUNKED "0\r\nA: b\r\n") },
};
const size_t h1_sample_count = sizeof(h1_samples) / sizeof(h1_samples[0]);
