# SPDX-License-Identifier: MIT
"""A WebSocket for each iteration: messages and their answers, a round trip that is measured, a ping.

    rampa target &
    rampa run examples/websocket.py
"""

import rampa

config = rampa.Config(
    thresholds={"ws_roundtrip": ["p(95)<100"], "ws_errors": ["count==0"], "checks": ["rate==1"]},
)


@rampa.scenario(executor="constant-vus", vus=5, duration="2s")
async def chat(worker: rampa.Worker) -> None:
    base = worker.env.get("BASE_URL", "http://127.0.0.1:8080")
    async with worker.ws.connect(f"{base}/ws", protocols=["chat"]) as session:
        worker.check(session, {"speaks chat": lambda s: s.subprotocol == "chat"})
        await session.send("hello")
        await session.send(b"\x00\x01")
        worker.check([await session.receive(), await session.receive()], {"both came back": lambda got: got == ["hello", b"\x00\x01"]})
        for number in range(10):
            text = f"question {number}"
            await session.request(text, match=lambda answer: answer == text, timeout=10)
        await session.ping(timeout=10)
