# SPDX-License-Identifier: MIT
"""A session of a user who logs in once and then works: setup() data, what a VU keeps, groups, and a clean end.

    rampa run examples/login_flow.py
    rampa run examples/login_flow.py --env PASSWORD=secret      # results show *** instead of values of --env
"""

import typing

import rampa

BASE_URL = "http://127.0.0.1:8080"

config = rampa.Config(
    thresholds={
        "group_duration{group:::order}": ["p(95)<1000"],
        "checks": ["rate==1"],
        "iteration_errors": ["count==0"],
    }
)


async def setup(worker: rampa.Worker) -> dict[str, typing.Any]:
    """Once, before all VUs: what they share. It should be small and plain data."""
    base = worker.env.get("BASE_URL", BASE_URL)
    shop = await worker.http.get(f"{base}/json")
    if not shop.ok:
        raise RuntimeError(f"the shop is not there: status {shop.status}")
    return {"base": base, "password": worker.env.get("PASSWORD", "test")}


async def log_in(worker: rampa.Worker) -> str:
    """Once for each VU: the token is kept in worker.vu, which lives as long as the VU."""
    if "token" not in worker.vu:
        data = worker.setup_data
        with worker.group("login"):
            user = f"user{worker.execution.vu}"
            # /echo of `rampa target` sends back what it gets; a real server would make the token.
            answer = await worker.http.post(
                f"{data['base']}/echo", json={"token": f"{user}:{data['password']}"}, name="login"
            )
            worker.check(answer, {"login: status is 200": lambda r: r.status == 200})
            worker.vu["token"] = answer.json()["token"]
    token: str = worker.vu["token"]
    return token


@rampa.scenario(executor="per-vu-iterations", vus=4, iterations=5)
async def shopping(worker: rampa.Worker) -> None:
    token = await log_in(worker)
    base = worker.setup_data["base"]
    headers = {"Authorization": f"Bearer {token}"}

    with worker.group("order"):
        page = await worker.http.get(f"{base}/headers", headers=headers, name="basket")
        worker.check(page, {"basket: logged in": lambda r: r.json()["Authorization"] == headers["Authorization"]})
        order = {"item": worker.execution.iteration, "count": 1}
        answer = await worker.http.post(f"{base}/echo", json=order, headers=headers, name="order")
        worker.check(answer, {"order: it came back": lambda r: r.json() == order})
    await worker.sleep(0.05)


async def teardown(worker: rampa.Worker) -> None:
    """Once, after all VUs, also when the run was stopped: leave the server as it was."""
    answer = await worker.http.delete(f"{worker.setup_data['base']}/", expected_statuses=[(200, 499)])
    if not answer.ok:
        raise RuntimeError(f"the orders could not be removed: status {answer.status}")
