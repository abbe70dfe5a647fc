# SPDX-License-Identifier: MIT
"""What `./dev soak pairs` runs: a server whose answers take a time of a distribution that does not change.

The time of an answer is drawn here and asked of `rampa target`: log-normal, with its median at 15 ms times SCALE.
"""
import random

import rampa

VUS = 16


@rampa.scenario(executor="constant-vus", vus=VUS, duration="10s", graceful_stop="5s")
async def ask(worker: rampa.Worker) -> None:
    scale = float(worker.env["SCALE"])
    delay = scale * random.lognormvariate(0, 0.4) * 15
    await worker.http.get(f"{worker.env['TARGET']}/delay/{delay:.3f}", name="/delay")
