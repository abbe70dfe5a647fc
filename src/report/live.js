// SPDX-License-Identifier: MIT
// The page of a run that goes on, of 'rampa run --serve': docs/control.md has what it asks for. Snapshots come once a second.
'use strict';

(() => {
  const { element, text, clock, table, mark, bridge, plot } = rampaCharts;
  const POINTS_MAX = 3600, EVENTS_MAX = 50, MARKS_MAX = 200, AGAIN_MS = 3000, QUIET_MS = 5000, ANSWER_MS = 3000, SILENT = 'does not answer';
  const main = document.querySelector('main');
  const metric = (snapshot, name, statistic) => snapshot.metrics[name] && snapshot.metrics[name][statistic];

  let status = null, thresholds = [], finished = null, isConnected = false, refusal = '';
  let latest = null, anchor = null, startOfPause = null, paused = 0, isDue = false, isStatusDue = false, isAsking = false;
  let totals = null, source = null, again = 0, last = '0', silence = SILENT, heard = Date.now(), isChecking = false;
  const events = [], marks = [];

  // ---- what there is to see ------------------------------------------------------------------------------------------------

  const parts = {};
  for (const name of ['head', 'steer', 'tiles', 'thresholds', 'scenarios', 'plots', 'warnings', 'events']) {
    parts[name] = element(name === 'tiles' ? 'dl' : 'section', { class: name, id: name });
    main.append(parts[name]);
  }

  const VERDICTS = { passed: 'PASSED', threshold_failed: 'FAILED', nothing_succeeded: 'FAILED', execution_failed: 'FAILED', stopped: 'STOPPED' };

  // What was said last need not be so any more.
  const isSilent = () => !finished && !isConnected && silence === SILENT;

  function head() {
    const word = finished ? VERDICTS[finished.status] || 'FAILED' : isSilent() ? 'no answer' : status.status;
    const kind = isSilent() ? 'bad' : word === 'PASSED' ? 'good' : word === 'FAILED' ? 'bad' : finished || word === 'paused' || word === 'stopping' ? 'none' : 'good';
    const time = clock(status.elapsed_s) + (status.duration_s === null ? '' : ` of ${clock(status.duration_s)}`);
    document.title = `${word}: ${status.script}`;
    parts.head.replaceChildren(
      element('h1', {}, status.script),
      element('p', { class: 'when' }, [status.started_at, time, status.run_id].join(' \u00b7 ')),
      element('p', { class: 'verdict' }, element('strong', { class: kind, id: 'status' }, word), ' ', finished && finished.reason ? finished.reason : ''),
      finished || isConnected ? '' : element('p', { class: 'bad', role: 'alert' }, `The run ${silence}; trying again.`),
      element('p', { class: 'generator' }, 'Generator: ', element('strong', { class: status.generator.verdict === 'valid' ? 'good' : 'bad' }, status.generator.verdict)),
      ...status.generator.reasons.map((reason) => element('p', { class: 'generator' }, reason)));
  }

  // No snapshot comes in setup and teardown: then the numbers are those that the run has answered.
  function tiles() {
    const now = totals || latest;
    const rows = [
      ['requests', metric(now, 'http_reqs', 'count'), 'number'],
      ['requests per second', PLOTS[0].lines[0].points.length ? PLOTS[0].lines[0].points.at(-1)[1] : undefined, 'number'],
      ['failed', metric(now, 'http_req_failed', 'rate'), 'ratio'],
      ['median of all', metric(now, 'http_req_duration', 'med'), 'ms'],
      ['p95 of all', metric(now, 'http_req_duration', 'p(95)'), 'ms'],
      ['p99 of all', metric(now, 'http_req_duration', 'p(99)'), 'ms'],
      ['iterations', metric(now, 'iterations', 'count'), 'number'],
      ['VUs', latest.vus, 'number'],
    ].filter(([, value]) => typeof value === 'number');
    parts.tiles.replaceChildren(...rows.map(([title, value, unit]) => element('div', {}, element('dt', {}, title), element('dd', {}, text(value, unit)))));
  }

  function titled(part, title, children) {
    part.replaceChildren(...(children.length ? [element('h2', {}, title), ...children] : []));
  }

  function tables() {
    titled(parts.thresholds, 'Thresholds', thresholds.length ? [table(['Metric', 'Threshold', ['Actual', 'number'], finished ? '' : 'So far'],
      thresholds.map((entry) => [entry.metric, entry.source, text(entry.lhs), mark(entry.passed)]), 'cards')] : []);
    titled(parts.scenarios, 'Scenarios', [table([['Scenario', 'full'], 'Executor', 'State', ['Progress', 'full'], ['VUs', 'number'], ['Rate', 'number']],
      status.scenarios.map((entry) => [entry.name, entry.executor, entry.stage === null ? entry.state : `${entry.state}, stage ${entry.stage + 1}`,
        element('progress', { max: '1', value: String(entry.progress) }), text(entry.vus), entry.rate === undefined ? '' : `${text(entry.rate)}/s`]), 'cards')]);
    titled(parts.warnings, 'Warnings', status.warnings.length ? [element('ul', {}, status.warnings.map((line) => element('li', {}, line)))] : []);
    titled(parts.events, 'Events', events.length ? [table(['Time', 'Event'], events.slice().reverse())] : []);
  }

  // ---- plots ---------------------------------------------------------------------------------------------------------------

  const rate = (name, statistic = 'count') => (snapshot, last, seconds) => (snapshot.metrics[name]
    ? (metric(snapshot, name, statistic) - (metric(last, name, statistic) || 0)) / seconds : undefined);
  const PLOTS = [
    { title: 'Requests per second', unit: 'number', lines: [['requests', 0, rate('http_reqs')], ['failed', 4, rate('http_req_failed', 'passes')]] },
    { title: 'Duration of requests', unit: 'ms', lines: [['median', 0, null], ['p95', 1, null], ['p99', 2, null]] },
    { title: 'Virtual users', unit: 'number', steps: true, lines: [['running an iteration', 2, (snapshot) => snapshot.vus]] },
    { title: 'Iterations per second', unit: 'number', lines: [['iterations', 0, rate('iterations')], ['dropped', 4, rate('dropped_iterations')],
      ['with an error', 1, rate('iteration_errors')]] },
    { title: 'The generator: processor time, share of a core', unit: 'ratio', lines: [['busiest worker', 5, (snapshot) => metric(snapshot, 'generator_cpu', 'value')]] },
  ].map((row) => ({ ...row, room: element('div', {}), update: null, drawn: 0,
    lines: row.lines.map(([label, color, value]) => ({ label, color, value, points: [] })) }));
  const DURATIONS = PLOTS[1];
  parts.plots.append(...PLOTS.map((row) => row.room));

  // A long run keeps every second point, again and again.
  function add(line, x, y) {
    if (typeof y !== 'number') return;
    line.points.push([x, y]);
    if (line.points.length > POINTS_MAX) line.points = line.points.filter((point, index) => index % 2 === 0);
  }

  const secondsOf = (event) => (event.elapsed_ns + (event.paused_ns || 0)) / 1e9;

  // A rate is that since the last point: the last snapshot, at the end, may come too soon for one.
  function note(snapshot) {
    const x = secondsOf(snapshot), length = anchor ? x - secondsOf(anchor) : 0;
    latest = snapshot;
    totals = null;
    paused = (snapshot.paused_ns || 0) / 1e9;
    if (status) for (const entry of status.scenarios) Object.assign(entry, follow(entry, snapshot.scenarios.find(({ name }) => name === entry.name)));
    if (anchor && length < 0.5) return;
    if (anchor) for (const row of PLOTS) for (const line of row.lines) add(line, x, line.value && line.value(snapshot, anchor, length));
    anchor = snapshot;
  }

  // The percentiles of each interval, as the report has them. The run has kept all of them, also those from before this page was opened.
  function noteIntervals(intervals) {
    ['med', 'p(95)', 'p(99)'].forEach((word, index) => {
      DURATIONS.lines[index].points = bridge(intervals.map((entry) => [entry.start_s, entry[word], entry.length_s]), NaN);
    });
  }

  function addMark(mark) {
    marks.push(mark);
    if (marks.length > MARKS_MAX) marks.shift();
  }

  // As /v1/status has it.
  function progressOf(executor, { total, completed, interrupted, dropped, elapsed_ns: elapsed, regular_ns: regular }) {
    const share = executor.endsWith('-iterations') && total ? (completed + interrupted + dropped) / total : regular ? elapsed / regular : 0;
    return Math.min(Math.max(share, 0), 1);
  }

  const follow = (entry, scenario) => (scenario ? { state: scenario.state, vus: scenario.vus, stage: scenario.stage,
    progress: progressOf(entry.executor, scenario), ...(entry.rate === undefined ? {} : { rate: scenario.rate }) } : {});

  function draw(row) {
    const drawn = row.lines.filter((line) => line.points.length).length;
    if (row.update && row.drawn === drawn) row.update(row.lines, marks);
    else {
      row.room.replaceChildren();
      row.update = plot(row.room, { ...row, marks });
      row.drawn = drawn;
    }
  }

  // A page that nobody sees is not drawn.
  function show() {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      if (isStatusDue && !finished) refresh();
      if (!status) return;
      head();
      steer();
      tables();
      if (!latest) return;
      tiles();
      PLOTS.forEach(draw);
    });
  }

  // ---- a hand on the run ---------------------------------------------------------------------------------------------------

  async function post(path, body) {
    try {
      const response = await fetch(path, { method: 'POST', body: JSON.stringify(body || {}), headers: { 'Content-Type': 'application/json' } });
      const answer = await response.json();
      refusal = response.ok ? '' : `${answer.error}: ${answer.hint}`;
      if (response.ok) status.status = answer.status;
    } catch (error) {
      refusal = 'the run does not answer';
    }
    isStatusDue = true;
    show();
  }

  const pause = element('button', { id: 'pause', type: 'button' });
  const stop = element('button', { id: 'stop', type: 'button' }, 'Stop');
  const refused = element('p', { class: 'bad', role: 'alert' });
  const which = element('select', { id: 'which', 'aria-label': 'Scenario' });
  const load = element('input', { id: 'load', type: 'number', min: '0', step: 'any', 'aria-label': 'Load' });
  const unit = element('span', {}), hold = element('input', { id: 'hold', type: 'checkbox' });
  const set = element('button', { id: 'set', type: 'submit' }, 'Set');
  const form = element('form', { class: 'form' }, which, ' ', load, ' ', unit, ' ', element('label', {}, hold, ' to the end'), ' ', set);
  parts.steer.append(pause, ' ', stop, form, refused);

  // Those whose load can be another one: VUs, or a rate.
  const adjustable = () => status.scenarios.filter(({ executor }) => !executor.includes('iterations'));
  const hasRate = (name) => status.scenarios.some((entry) => entry.name === name && entry.rate !== undefined);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const scenario = which.value;
    post('/v1/adjust', { scenario, hold: hold.checked, ...(hasRate(scenario) ? { rate: `${load.value}/s` } : { vus: Math.round(Number(load.value)) }) });
  });

  load.addEventListener('input', show);
  which.addEventListener('change', show);

  // The fields stay as they are, because somebody may be writing in them.
  function offer() {
    if (!which.options.length) which.append(...adjustable().map(({ name }) => element('option', { value: name }, name)));
    unit.textContent = hasRate(which.value) ? 'iterations per second' : 'VUs';
    form.hidden = !which.options.length;
  }
  pause.addEventListener('click', () => post(status.status === 'paused' ? '/v1/resume' : '/v1/pause'));
  stop.addEventListener('click', () => {
    if (stop.textContent === 'Stop') stop.textContent = 'Stop the run?';
    else post('/v1/stop', { reason: 'stopped on the page' });
  });
  stop.addEventListener('blur', () => { stop.textContent = 'Stop'; });

  // The buttons stay the same ones: who is about to press one must not lose it.
  function steer() {
    const isEnding = finished !== null || status.status === 'stopping' || status.status === 'completed';
    pause.textContent = status.status === 'paused' ? 'Resume' : 'Pause';
    offer();
    pause.disabled = stop.disabled = isEnding || isSilent();
    set.disabled = isEnding || isSilent() || status.status === 'starting' || load.value === '';
    if (isEnding) stop.textContent = 'Stop';
    refused.textContent = refusal;
  }

  // ---- the run speaks ------------------------------------------------------------------------------------------------------

  async function refresh() {
    if (isAsking) return;
    isStatusDue = false;
    isAsking = true;
    try {
      const [state, numbers, intervals] = await Promise.all(['/v1/status', '/v1/metrics', '/v1/intervals'].map((path) => fetch(path, { signal: AbortSignal.timeout(10 * ANSWER_MS) })));
      const [now, metrics] = await Promise.all([state, numbers].map((response) => (response.ok ? response.json() : null)));
      if (intervals.ok) noteIntervals((await intervals.json()).intervals);
      if (metrics && !finished) totals = metrics; // the run may have ended while they came
      if (now && !finished) status = now;
    } catch (error) { /* the stream of events finds out */ }
    isAsking = false;
    show();
  }

  function listed(event, words) {
    events.push([clock(Math.round(event.ns / 1e8) / 10), words]);
    if (events.length > EVENTS_MAX) events.shift();
  }

  const handlers = {
    SnapshotEvent: note,
    PhaseEvent: (event) => listed(event, event.detail),
    DetailEvent: (event) => listed(event, event.detail),
    PauseEvent: (event) => { listed(event, 'paused'); startOfPause = event.elapsed_ns / 1e9 + paused; },
    ResumeEvent: (event) => {
      listed(event, 'resumed');
      if (startOfPause !== null) addMark({ from: startOfPause, to: secondsOf(event), text: 'paused' });
      startOfPause = null;
    },
    AdjustEvent: (event) => {
      listed(event, `${event.scenario}: ${event.what} ${text(event.value)}${event.hold ? ', to the end' : ''}`);
      addMark({ from: event.at_ns / 1e9 + paused, text: `${event.scenario}: ${text(event.value)}` });
    },
    WarningEvent: (event) => listed(event, event.text),
    GeneratorEvent: (event) => listed(event, `generator: ${event.text}`),
    LiveThresholdEvent: (event) => { thresholds = event.results; },
    ThresholdEvent: (event) => { thresholds = event.results; },
    MissedEvent: (event) => listed(event, `${event.count} events were missed`),
    FinishedEvent: (event) => {
      finished = event;
      totals = null; // the last snapshot is the result's
      if (status) status.elapsed_s = event.elapsed_ns / 1e9;
      listed(event, event.status);
      source.close();
    },
  };

  // A browser connects again by itself, but not after an answer that is no stream: it is asked what it says, and then again.
  async function explain() {
    const closed = source;
    try {
      const response = await fetch('/v1/status');
      silence = response.ok ? 'sends no events, because too many programs or pages follow it' : `says: ${(await response.json()).error}`;
    } catch (error) { silence = SILENT; }
    isStatusDue = true;
    show();
    if (source === closed) again = setTimeout(listen, AGAIN_MS); // else it was done meanwhile
  }

  function hear() {
    heard = Date.now();
    if (isConnected) return;
    isConnected = true;
    silence = SILENT;
    show();
  }

  // A process that hangs, or a network that loses all, closes no connection. Nothing comes in setup and teardown either: the run is asked.
  async function watch() {
    if (finished || isChecking || Date.now() - heard < QUIET_MS || source.readyState !== EventSource.OPEN) return;
    isChecking = true;
    try {
      await (await fetch('/v1/status', { signal: AbortSignal.timeout(ANSWER_MS) })).json();
      heard = Date.now();
      if (!isConnected) listen(); // the stream may have been lost meanwhile
    } catch (error) {
      isConnected = Date.now() - heard < QUIET_MS;
    }
    isChecking = false;
    show();
  }
  setInterval(watch, 1000);

  // There is one stream: the number of them is limited, and each event would come from all of them.
  function listen() {
    clearTimeout(again);
    if (source) source.close();
    source = new EventSource(`/v1/events?after=${last}`);
    for (const [type, handle] of Object.entries(handlers)) source.addEventListener(type, (message) => {
      last = message.lastEventId || last;
      hear();
      handle(JSON.parse(message.data));
      isStatusDue = true;
      show();
    });
    source.addEventListener('open', () => { hear(); isStatusDue = true; show(); });
    source.addEventListener('error', () => {
      isConnected = false;
      if (source.readyState === EventSource.CLOSED && !finished) explain();
      show();
    });
  }
  listen();
})();
