// SPDX-License-Identifier: MIT
// A server of gRPC made with @grpc/grpc-js, whose methods take and give bytes. It prints its port, and ends with its standard
// input. The method Seen tells what has become of the call of Hang that was made last.
'use strict';
const grpc = require('@grpc/grpc-js');

const bytes = (value) => Buffer.from(value);
const method = (name, requestStream, responseStream) => ({
  path: `/test.Service/${name}`, requestStream, responseStream, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
});
const definition = {
  Echo: method('Echo', false, false),
  Fail: method('Fail', false, false),
  Deadline: method('Deadline', false, false),
  Hang: method('Hang', false, false),
  Seen: method('Seen', false, false),
  Numbers: method('Numbers', false, true),
  Count: method('Count', true, false),
  Talk: method('Talk', true, true),
};
let tell;
let seen;

const handlers = {
  Echo(call, done) {
    const head = new grpc.Metadata();
    const tail = new grpc.Metadata();
    head.set('first', 'one');
    head.set('first-bin', Buffer.from([0, 255]));
    for (const [name, value] of Object.entries(call.metadata.getMap())) {
      if (name.startsWith('x-')) {
        tail.set(name, value);
      }
    }
    call.sendMetadata(head);
    done(null, call.request, tail);
  },
  Fail(call, done) {
    const tail = new grpc.Metadata();
    tail.set('why', 'because');
    done({code: grpc.status.NOT_FOUND, details: 'nothing here: \u20ac 100%\n', metadata: tail});
  },
  Deadline(call, done) {
    done(null, Buffer.from(String(call.getDeadline() - Date.now())));
  },
  Hang(call) {
    seen = new Promise((resolve) => { tell = resolve; });
    call.on('cancelled', () => tell('cancelled'));
  },
  async Seen(call, done) {
    done(null, Buffer.from(await seen));
  },
  Numbers(call) {
    const [count, size, code] = call.request.toString().split(' ').map(Number);
    for (let i = 0; i < count; i++) {
      call.write(Buffer.alloc(size));
    }
    if (code) {
      call.emit('error', {code, details: 'after all'});
    } else {
      call.end();
    }
  },
  Count(call, done) {
    let sum = 0;
    call.on('data', (message) => { sum += message.length; });
    call.on('end', () => done(null, Buffer.from(String(sum))));
  },
  Talk(call) {
    call.on('data', (message) => call.write(message));
    call.on('end', () => call.end());
  },
};

const server = new grpc.Server();
server.addService(definition, handlers);
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) {
    throw error;
  }
  console.log(port);
});
process.stdin.on('end', () => process.exit(0)).resume();
