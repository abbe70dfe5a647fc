// SPDX-License-Identifier: MIT
// The same with the package ws of npm. $RAMPA_BENCH_WS_MODULE is the folder in which it is installed.
"use strict";

const { createRequire } = require("node:module");
const WebSocket = createRequire(process.env.RAMPA_BENCH_WS_MODULE + "/")("ws");

const text = "x".repeat(Number(process.env.RAMPA_BENCH_WS_BYTES));
const deadline = Date.now() + 1000 * Number(process.env.RAMPA_BENCH_DURATION);
let open = Number(process.env.RAMPA_BENCH_CONNECTIONS);
const counts = { requests: 0, failed: 0 };

function user() {
  const socket = new WebSocket(process.env.RAMPA_BENCH_URL, { perMessageDeflate: false });
  socket.on("open", () => socket.send(text));
  socket.on("message", (data) => {
    data.toString();
    counts.requests++;
    if (Date.now() < deadline) socket.send(text);
    else socket.close();
  });
  socket.on("error", () => counts.failed++);
  socket.on("close", () => {
    if (--open === 0) console.log(JSON.stringify(counts));
  });
}

for (let i = open; i > 0; i--) user();
