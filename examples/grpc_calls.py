# SPDX-License-Identifier: MIT
"""Calls of gRPC of all four kinds, with messages as dicts: the .proto file beside this script says what they look like.

It needs the packages protobuf-compiler and python3-protobuf, because of the dicts.

    rampa target &
    rampa run examples/grpc_calls.py
"""

from pathlib import Path

import rampa
import rampa.grpc

config = rampa.Config(
    thresholds={"grpc_req_duration": ["p(95)<100"], "grpc_req_failed": ["rate==0"], "checks": ["rate==1"]},
)

SERVICE = "/grpc.testing.TestService/"
schema = rampa.grpc.GrpcSchema(Path(__file__).with_name("testservice.proto"))


@rampa.scenario(executor="constant-vus", vus=5, duration="2s")
async def calls(worker: rampa.Worker) -> None:
    target = worker.env.get("BASE_URL", "http://127.0.0.1:8080")
    channel = worker.grpc.connect(target, schema=schema, metadata={"x-caller": "example"}, deadline=30)

    response = await channel.unary(SERVICE + "UnaryCall", {"response_size": 1000})
    worker.check(response, {"status is OK": lambda r: r.ok, "has a payload": lambda r: r.ok and "body" in r.message["payload"]})

    wanted = {"response_parameters": [{"size": 10}, {"size": 100, "interval_us": 1000}]}
    async with channel.server_stream(SERVICE + "StreamingOutputCall", wanted) as stream:
        responses = [message async for message in stream]
    worker.check(responses, {"two responses came": lambda r: len(r) == 2})

    requests = [{"payload": {"body": "AAECAw=="}}, {"payload": {"body": "BAU="}}]  # bytes are base64 in dicts: 4 and 2 of them
    response = await channel.client_stream(SERVICE + "StreamingInputCall", requests)
    worker.check(response, {"all bytes were counted": lambda r: r.ok and r.message == {"aggregated_payload_size": 6}})

    async with channel.bidi(SERVICE + "FullDuplexCall") as stream:
        for size in (1, 10, 100):
            await stream.send({"response_parameters": [{"size": size}]})
            worker.check(await stream.receive(), {"each request is answered": lambda r: r is not None})
        await stream.end()
        worker.check(await stream.receive(), {"the call has ended": lambda r: r is None})
    worker.check(stream, {"it has ended well": lambda s: s.ok})
