/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * fuzz_targets.h - one function per fuzzed codec: takes any input, stops the program when a property does not hold.
 */

#include <stddef.h>
#include <stdint.h>

/* The first byte chooses the codings, the second the length of the pieces. */
int rp_fuzz_coding(const uint8_t *data, size_t size);
/* The first byte chooses HEAD, close and the head's limit, the second how the rest is cut into pieces. */
int rp_fuzz_h1(const uint8_t *data, size_t size);
/* The first byte chooses the head's limit, the second how the rest is cut into pieces. */
int rp_fuzz_h1_request(const uint8_t *data, size_t size);
/* The value of a field WWW-Authenticate. */
int rp_fuzz_digest(const uint8_t *data, size_t size);
/* A URL, and in the lines behind it values of Set-Cookie fields that come from there. */
int rp_fuzz_cookie(const uint8_t *data, size_t size);
/* The first byte chooses whether there is a user, the second the length of the pieces. */
int rp_fuzz_socks5(const uint8_t *data, size_t size);
/* The first byte chooses the limit, the second the length of the pieces. */
int rp_fuzz_sse(const uint8_t *data, size_t size);
/* The first byte chooses the limit, the second the length of the pieces. */
int rp_fuzz_grpc(const uint8_t *data, size_t size);
/* The first byte chooses the method of the target, the second how many messages the rest is. */
int rp_fuzz_grpc_methods(const uint8_t *data, size_t size);
/* The first byte chooses the head's limit and what the client does meanwhile, the second how the rest is cut into pieces. */
int rp_fuzz_h2(const uint8_t *data, size_t size);
/* The first byte chooses the head's limit and what the server does meanwhile, the second how the rest is cut into pieces. */
int rp_fuzz_h2_server(const uint8_t *data, size_t size);
/* The first byte chooses the side and whether and how messages are compressed, the second the length of the pieces. */
int rp_fuzz_ws(const uint8_t *data, size_t size);
/* The first byte chooses a field of a WebSocket's handshake, the others are its value. */
int rp_fuzz_ws_handshake(const uint8_t *data, size_t size);
/* A URL and a reference to resolve against it, parted by the first LF. */
int rp_fuzz_url(const uint8_t *data, size_t size);
/* Text that is compressed and read back. */
int rp_fuzz_gzip(const uint8_t *data, size_t size);
/* A message of Protocol Buffers. */
int rp_fuzz_protobuf(const uint8_t *data, size_t size);
/* Text that is compressed and read back; the first byte says how often it is repeated. */
int rp_fuzz_snappy(const uint8_t *data, size_t size);
