// SPDX-License-Identifier: MIT
// What k6 runs: one GET and one check an iteration, as bench/get_check.py does for rampa.
import { check } from 'k6';
import http from 'k6/http';

export const options = {
    vus: Number(__ENV.RAMPA_BENCH_CONNECTIONS),
    duration: `${__ENV.RAMPA_BENCH_DURATION}s`,
};

export default function () {
    const response = http.get(__ENV.RAMPA_BENCH_URL);
    check(response, { 'status is 200': (r) => r.status === 200 });
}
