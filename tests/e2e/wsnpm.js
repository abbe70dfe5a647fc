// SPDX-License-Identifier: MIT
// The package ws of npm, for tests: as a codec, and as a server.
//
// node wsnpm.js codec: each line of the standard input is a connection as JSON, and each line of the output is what it
// says, in hexadecimal. {server, terms, read} has bytes that come, and is answered with what they are, as in ws_trace.h,
// an error by its code; {server, terms, write} has messages to be sent, and is answered with their bytes.
//
// node wsnpm.js serve: prints its port, and a line of JSON for each connection that has ended, until its input ends.
'use strict';

const path = require('path');
const readline = require('readline');
const WebSocket = require('ws');
const Deflate = require(path.join(path.dirname(require.resolve('ws')), 'lib/permessage-deflate.js'));

function extensions(isServer, terms) {
    if (!terms) return {};
    const deflate = new Deflate({ threshold: 0 }, isServer);
    deflate.params = {
        server_no_context_takeover: Boolean(terms[0]),
        client_no_context_takeover: Boolean(terms[1]),
        server_max_window_bits: terms[2],
        client_max_window_bits: terms[3],
    };
    return { [Deflate.extensionName]: deflate };
}

function read({ server, terms, read: bytes }) {
    return new Promise((resolve) => {
        const receiver = new WebSocket.Receiver({ isServer: server, extensions: extensions(server, terms) });
        const trace = [];
        const note = (kind, data) => trace.push(Buffer.from(kind + '('), data, Buffer.from(');'));
        let ended = false;
        const end = (error) => {
            if (ended) return;
            ended = true;
            if (error) {
                const code = Object.getOwnPropertySymbols(error).map((symbol) => error[symbol]).find(Number.isInteger);
                trace.push(Buffer.from(`error(${code}`));
            }
            resolve(Buffer.concat(trace));
        };
        receiver.on('message', (data, isBinary) => note(isBinary ? 'binary' : 'text', data));
        receiver.on('ping', (data) => note('ping', data));
        receiver.on('pong', (data) => note('pong', data));
        receiver.on('conclude', (code, reason) => note('close', Buffer.concat([Buffer.from(`${code}${reason.length ? ' ' : ''}`), reason])));
        receiver.on('error', end);
        receiver.write(Buffer.from(bytes, 'hex'), end);
    });
}

function write({ server, terms, write: messages }) {
    return new Promise((resolve) => {
        const sent = [];
        const socket = {
            cork() {},
            uncork() {},
            write(data, done) {
                sent.push(Buffer.from(data));
                if (done) done();
            },
        };
        const sender = new WebSocket.Sender(socket, extensions(server, terms));
        let left = messages.length;
        const done = () => --left || resolve(Buffer.concat(sent));
        for (const [hex, fin] of messages)
            sender.send(Buffer.from(hex, 'hex'), { binary: false, compress: Boolean(terms), fin, mask: !server }, done);
    });
}

async function codec() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const connection = JSON.parse(line);
        console.log((await (connection.write ? write : read)(connection)).toString('hex'));
    }
}

function serve() {
    const kinds = {
        '/plain': false,
        '/deflate': { threshold: 0 },
        '/alone': { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
        '/small': { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
        '/close': false,
    };
    const server = require('http').createServer();
    const sockets = {};
    for (const kind of Object.keys(kinds)) sockets[kind] = new WebSocket.Server({ noServer: true, perMessageDeflate: kinds[kind] });
    server.on('upgrade', (request, socket, head) => {
        const url = new URL(request.url, 'http://a');
        sockets[url.pathname].handleUpgrade(request, socket, head, (ws) => {
            ws.on('message', (data, isBinary) => {
                if (url.pathname !== '/close') ws.send(data, { binary: isBinary });
                else ws.close(Number(url.searchParams.get('code')) || undefined, url.searchParams.get('reason') || '');
            });
            ws.on('close', (code, reason) => console.log(JSON.stringify([request.url, ws.extensions, code, reason.toString()])));
            ws.on('error', (error) => console.log(JSON.stringify([request.url, String(error)])));
        });
    });
    server.listen(0, '127.0.0.1', () => console.log(server.address().port));
    process.stdin.on('end', () => process.exit()).resume();
}

(process.argv[2] === 'codec' ? codec : serve)();
