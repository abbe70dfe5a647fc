# SPDX-License-Identifier: MIT
"""What Autobahn's fuzzing server tests: it takes the cases one by one, and sends each message back.

    wstest -m fuzzingserver -s spec.json
    rampa run tests/conformance/autobahn.py -e AUTOBAHN=ws://127.0.0.1:9001

FIRST and LAST are the first and the last case, by their number. See docs/development.md.
"""

import json
from collections import Counter

import rampa
from rampa import errors

config = rampa.Config(thresholds={"checks": ["rate==1"]})


async def ask(worker: rampa.Worker, path: str) -> str:
    """What the server says of its cases."""
    async with worker.ws.connect(worker.env["AUTOBAHN"] + path, timeout=600) as session:
        return "".join([str(message) async for message in session])


async def run(worker: rampa.Worker, number: int, compress: bool) -> None:
    path = f"/runCase?case={number}&agent=rampa"
    try:
        async with worker.ws.connect(worker.env["AUTOBAHN"] + path, compress=compress, max_msg_size=0) as session:
            async for message in session:
                await session.send(message)
    except errors.WebSocketClosed:
        pass  # by a fault of the server, which is most cases; it judges what it has seen


@rampa.scenario(executor="per-vu-iterations", vus=1, iterations=1, max_duration="4h")
async def cases(worker: rampa.Worker) -> None:
    tally: Counter[str] = Counter()
    last = int(worker.env.get("LAST") or await ask(worker, "/getCaseCount"))
    for number in range(int(worker.env.get("FIRST", "1")), last + 1):
        name = json.loads(await ask(worker, f"/getCaseInfo?case={number}"))["id"]
        await run(worker, number, compress=name.startswith(("12.", "13.")))
        behavior = json.loads(await ask(worker, f"/getCaseStatus?case={number}&agent=rampa"))["behavior"]
        tally[behavior] += 1
        if not worker.check(behavior, {"as the standard asks for": lambda said: said in ("OK", "INFORMATIONAL")}):
            print(f"{name}: {behavior}", flush=True)
    await ask(worker, "/updateReports?agent=rampa")
    print(*(f"{count} {behavior}" for behavior, count in tally.most_common()), sep=", ", flush=True)
