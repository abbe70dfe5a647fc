// SPDX-License-Identifier: MIT
// The page of 'rampa report': what one result says, or two side by side.
'use strict';

(() => {
  const { element, text, clock, table, mark, percentile, points, bridge, plot } = rampaCharts;
  const inputs = JSON.parse(document.getElementById('data').textContent);
  const results = inputs.map((input) => input.result);
  const names = inputs.map((input) => input.name);
  const isPair = results.length > 1;
  const main = document.querySelector('main');
  const label = (index, what) => (isPair ? `${what}, ${'AB'[index]}` : what);

  const list = (value) => (Array.isArray(value) ? value : []);
  const member = (value, ...keys) => keys.reduce((inner, key) => (inner === null || inner === undefined ? undefined : inner[key]), value);
  const metric = (result, name, statistic) => member(result, 'summary', 'metrics', name, statistic);

  function section(title, ...children) {
    const made = element('section', {}, element('h2', {}, title), ...children);
    main.append(made);
    return made;
  }

  // The same part of each result, beside each other when there are two.
  function columns(make) {
    const made = results.map((result, index) => {
      const part = make(result, index);
      return part && element('div', {}, isPair ? element('h3', {}, `${'AB'[index]}: ${names[index]}`) : null, part);
    });
    return made.some(Boolean) ? element('div', { class: isPair ? 'columns' : '' }, made) : null;
  }

  // ---- the head ------------------------------------------------------------------------------------------------------------

  const VERDICTS = { passed: 'PASSED', threshold_failed: 'FAILED', nothing_succeeded: 'FAILED', execution_failed: 'FAILED', stopped: 'STOPPED' };

  function verdict(result) {
    const { status, reason } = result.run;
    const isJudged = list(result.thresholds).length > 0;
    const word = status === 'passed' && !isJudged ? 'NOT JUDGED' : VERDICTS[status] || 'FAILED';
    const kind = word === 'PASSED' ? 'good' : word === 'NOT JUDGED' || word === 'STOPPED' ? 'none' : 'bad';
    const generator = result.generator || {};
    return [
      element('p', { class: 'verdict' }, element('strong', { class: kind }, word), ' ',
        reason || (isJudged ? 'all thresholds are met' : 'the test has no thresholds')),
      element('p', { class: 'generator' }, 'Generator: ', element('strong', { class: generator.verdict === 'valid' ? 'good' : 'bad' }, generator.verdict || 'unknown'),
        generator.verdict === 'valid' ? ', rampa itself was not the limit' : ''),
      list(generator.reasons).map((cause) => element('p', { class: 'generator' }, cause.text)),
    ];
  }

  function head() {
    const scripts = [...new Set(results.map((result) => member(result, 'config', 'script') || 'a run'))];
    document.title = `rampa: ${scripts.join(' and ')}`;
    main.append(element('h1', {}, scripts.join(' and ')));
    main.append(columns((result) => element('div', {},
      element('p', { class: 'when' }, [result.run.started || 'never started', `ran ${clock(result.run.elapsed_s)}`,
        `${list(result.workers).length} worker${list(result.workers).length === 1 ? '' : 's'}`, `rampa ${result.version}`].join(' \u00b7 ')),
      ...verdict(result))));
  }

  function tiles() {
    const wanted = [
      ['requests', (r) => metric(r, 'http_reqs', 'count'), 'number'],
      ['requests per second', (r) => metric(r, 'http_reqs', 'rate'), 'number'],
      ['failed', (r) => metric(r, 'http_req_failed', 'rate'), 'ratio'],
      ['median', (r) => metric(r, 'http_req_duration', 'med'), 'ms'],
      ['p95', (r) => metric(r, 'http_req_duration', 'p(95)'), 'ms'],
      ['p99', (r) => metric(r, 'http_req_duration', 'p(99)'), 'ms'],
      ['iterations', (r) => metric(r, 'iterations', 'count'), 'number'],
      ['most VUs', (r) => metric(r, 'vus', 'max'), 'number'],
    ].filter(([, value]) => results.some((result) => typeof value(result) === 'number'));
    main.append(element('dl', { class: 'tiles' }, wanted.map(([title, value, unit]) =>
      element('div', {}, element('dt', {}, title), results.map((result, index) =>
        element('dd', {}, isPair ? element('small', {}, 'AB'[index] + ' ') : null, text(value(result), unit)))))));
  }

  function thresholds() {
    if (!results.some((result) => list(result.thresholds).length)) return;
    section('Thresholds', columns((result) => table(['Metric', 'Threshold', ['Actual', 'number'], ''],
      list(result.thresholds).map((entry) => [entry.metric, entry.expression, text(entry.actual, unitOf(result, entry)),
        mark(entry.passed)]))));
  }

  function unitOf(result, threshold) {
    return /^(count|value|passes|fails)/.test(threshold.expression) ? 'number' : member(result, 'summary', 'types', threshold.metric, 'unit') || 'number';
  }

  // ---- plots ---------------------------------------------------------------------------------------------------------------

  // A duration of the plan, "1m30s", in seconds.
  function seconds(value) {
    const sizes = { d: 86400, h: 3600, m: 60, s: 1, ms: 0.001, us: 0.000001, ns: 0.000000001 };
    let sum = 0;
    for (const [, number, unit] of String(value || '').matchAll(/([0-9.]+)(ms|us|ns|d|h|m|s)/g)) sum += Number(number) * sizes[unit];
    return sum;
  }

  // Pauses, adjustments of the load, and where stages of the scenarios begin. Pauses that came before shift what the plan says.
  function marks(result) {
    const pauses = list(member(result, 'run', 'pauses'));
    const found = pauses.map((pause) => ({ from: pause.start_s, to: pause.start_s + pause.length_s, text: 'paused' }));
    const shifted = (at) => pauses.reduce((sum, pause) => (pause.start_s < sum ? sum + pause.length_s : sum), at);
    const adjustments = list(member(result, 'run', 'adjustments'));
    for (const made of adjustments)
      found.push({ from: made.start_s, text: adjustments.length > 12 ? '' : `${made.scenario}: ${made.what} ${made.value}` });
    const moments = new Map();
    for (const [name, scenario] of Object.entries(member(result, 'config', 'scenarios') || {})) {
      let at = seconds(scenario.start_time);
      list(scenario.stages).forEach((stage, index) => {
        const texts = moments.get(at) || [];
        moments.set(at, [...texts, `${name}: stage ${index + 1}`]);
        at += seconds(stage.duration);
      });
    }
    if (moments.size <= 12)
      for (const [at, texts] of moments) if (at > 0) found.push({ from: shifted(at), text: texts.length > 1 ? 'stages' : texts[0] });
    return found;
  }

  function bounds(result, name, statistics) {
    return list(result.thresholds)
      .filter((entry) => entry.metric === name && statistics.some((word) => entry.expression.startsWith(word)) && typeof entry.rhs === 'number')
      .map((entry) => ({ value: entry.rhs, text: entry.expression, failed: entry.passed === false }));
  }

  function each(make) {
    return results.flatMap((result, index) => make(result, index).map((line) => ({ ...line, dashed: index > 0 })));
  }

  function durations(result, index) {
    const intervals = list(member(result, 'intervals', 'all')).filter((interval) => interval.start_s !== null);
    return [['median', 0.5], ['p95', 0.95], ['p99', 0.99]].map(([title, q], color) => ({
      label: label(index, title), color,
      points: bridge(intervals.map((interval) => [interval.start_s, percentile(interval.buckets, q), interval.length_s]), NaN),
    }));
  }

  function rate(result, index, name, title, color) {
    return { label: label(index, title), color, points: points(result, name, (column, length) => (length > 0 ? column('sum') / length : 0), 0) };
  }

  function plots() {
    const room = element('div', { class: 'plots' });
    const own = section(isPair ? 'Course of the runs (A solid, B dashed)' : 'Course of the run', room);
    const common = { marks: isPair ? [] : marks(results[0]) };
    const limits = (name, statistics) => (isPair ? [] : bounds(results[0], name, statistics));
    plot(room, { ...common, title: 'Duration of requests', unit: 'ms', lines: each(durations), bounds: limits('http_req_duration', ['p(', 'med', 'avg']) });
    plot(room, { ...common, title: 'Requests per second', unit: 'number', lines: each((result, index) => [
      rate(result, index, 'http_reqs', 'requests', 0),
      { label: label(index, 'failed'), color: 4, points: points(result, 'http_req_failed', (column, length) => (length > 0 ? column('passes') / length : 0), 0) },
    ]) });
    plot(room, { ...common, title: 'Virtual users', unit: 'number', steps: !isPair, lines: each((result, index) => [
      { label: label(index, 'running an iteration'), color: 2, points: points(result, 'vus', (column) => column('max')) },
    ]) });
    plot(room, { ...common, title: 'Iterations per second', unit: 'number', lines: each((result, index) => [
      rate(result, index, 'iterations', 'iterations', 0), rate(result, index, 'dropped_iterations', 'dropped', 4),
      rate(result, index, 'iteration_errors', 'with an error', 1),
    ]) });
    plot(room, { ...common, title: 'Bytes per second', unit: 'bytes', lines: each((result, index) => [
      rate(result, index, 'data_received', 'received', 0), rate(result, index, 'data_sent', 'sent', 1),
    ]) });
    plot(room, { ...common, title: 'The generator: processor time, share of a core', unit: 'ratio', lines: each((result, index) => [
      { label: label(index, 'busiest worker'), color: 5, points: points(result, 'generator_cpu', (column) => column('max')) },
    ]) });
    plot(room, { ...common, title: 'The generator: delays that it causes itself', unit: 'ms', lines: each((result, index) => [
      { label: label(index, 'loop lag, p95'), color: 5, points: points(result, 'loop_lag', (column) => column('p(95)')) },
      { label: label(index, 'receive delay, p95'), color: 3, points: points(result, 'receive_delay', (column) => column('p(95)')) },
    ]) });
    distribution(room);
    if (!room.firstChild) own.remove();
  }

  // How many requests took how long. Durations span decades, so the axis is logarithmic; buckets are equally wide on it.
  function distribution(room) {
    const lines = results.map((result, index) => {
      const buckets = list(member(result, 'histograms', 'http_req_duration', 'buckets')).filter((bucket) => bucket[0] > 0);
      const total = buckets.reduce((sum, bucket) => sum + bucket[2], 0);
      const steps = new Map();
      for (const [low, , count] of buckets) {
        const step = Math.floor(Math.log10(low) * 24) / 24;
        steps.set(step, (steps.get(step) || 0) + count);
      }
      if (total) {
        const first = Math.min(...steps.keys()), last = Math.max(...steps.keys());
        for (let step = Math.round(first * 24) - 1; step <= Math.round(last * 24) + 1; step++)
          if (!steps.has(step / 24)) steps.set(step / 24, 0);
      }
      return { label: label(index, 'share of the requests'), dashed: index > 0, color: 0,
        points: [...steps.entries()].sort((a, b) => a[0] - b[0]).map(([step, count]) => [step, count / total]) };
    });
    plot(room, { title: 'How long requests took (logarithmic)', unit: 'ratio', lines, steps: true, x: (value) => text(10 ** value, 'ms') });
  }

  // ---- tables --------------------------------------------------------------------------------------------------------------

  function change(before, after) {
    if (typeof before !== 'number' || typeof after !== 'number' || before === 0) return '-';
    const share = (after / before - 1) * 100;
    return `${share > 0 ? '+' : share < 0 ? '\u2212' : ''}${Math.abs(share).toFixed(Math.abs(share) < 10 ? 1 : 0)} %`;
  }

  // One row a request; with two results one for each, and one for what changed.
  function requests() {
    const all = results.map((result) => new Map(list(member(result, 'summary', 'requests')).map((entry) => [entry.name, entry])));
    const keys = [...new Set(all.flatMap((entries) => [...entries.keys()]))];
    if (!keys.length) return;
    const statistics = ['avg', 'med', 'p(95)', 'p(99)', 'max'];
    const rows = keys.flatMap((name) => {
      const title = name === null ? '(names beyond the limit)' : name;
      const made = all.map((entries, index) => {
        const entry = entries.get(name);
        if (!entry) return [index ? '' : title, 'AB'[index], '-', '-', ...statistics.map(() => '-'), ''];
        return [index ? '' : title, 'AB'[index], text(entry.count), text(entry.failed), ...statistics.map((word) => text(member(entry, 'duration', word), 'ms')),
          Object.entries(entry.statuses || {}).map(([status, count]) => `${status === '0' ? 'none' : status}: ${text(count)}`).join(', ')];
      });
      if (isPair) {
        const [a, b] = all.map((entries) => entries.get(name));
        made.push(['', 'change', change(member(a, 'count'), member(b, 'count')), change(member(a, 'failed'), member(b, 'failed')),
          ...statistics.map((word) => change(member(a, 'duration', word), member(b, 'duration', word))), '']);
      }
      return made;
    });
    const keep = (row) => (isPair ? row : row.filter((_, index) => index !== 1));
    section('Requests', table(keep(['Name', '', ['Requests', 'number'], ['Failed', 'number'], ...statistics.map((word) => [word, 'number']), 'Statuses']), rows.map(keep)));
  }

  function checks() {
    if (!results.some((result) => list(result.checks).length)) return;
    section('Checks', columns((result) => table(['Check', ['Passed', 'number'], ['Failed', 'number'], ['Rate', 'number']],
      list(result.checks).map((entry) => [entry.group ? `${entry.group} \u203a ${entry.name}` : entry.name, text(entry.passes), text(entry.fails),
        text(entry.passes / Math.max(entry.passes + entry.fails, 1), 'ratio')]))));
  }

  function errors() {
    const part = columns((result) => {
      const failed = list(member(result, 'errors', 'requests')), raised = list(member(result, 'errors', 'iterations'));
      if (!failed.length && !raised.length) return null;
      return element('div', {},
        failed.length ? table([['Requests', 'number'], 'Error', 'Example'], failed.map((entry) => [text(entry.count),
          [entry.error || (entry.status ? `status ${entry.status}` : 'failed'), entry.error_code ? `(${entry.error_code})` : ''].join(' '),
          entry.example ? `${entry.example.method || ''} ${entry.example.name || ''}` : ''])) : null,
        raised.map((entry) => element('details', {}, element('summary', {}, `${text(entry.count)} \u00d7 ${entry.type}: ${entry.message} `,
          element('small', {}, `${entry.place || ''} in scenario ${entry.scenario}`)), element('pre', {}, entry.traceback || ''))));
    });
    if (part) section('Errors', part);
    const said = columns((result) => (list(result.warnings).length
      ? element('ul', {}, list(result.warnings).map((entry) => element('li', {}, entry.count > 1 ? `${entry.text} (${text(entry.count)} times)` : entry.text))) : null));
    if (said) section('Warnings', said);
  }

  // A request or an answer as HTTP/1 writes it, whatever version it was.
  function wire(message) {
    const { bytes = 0, start = 0, text: body = null } = message.body || {};
    const left = bytes - start;
    const lines = [message.line, ...list(message.headers).map(([name, value]) => (value ? `${name}: ${value}` : name || ''))];
    if (bytes && body === null) lines.push('', `(a body of ${text(bytes, 'bytes')}, of which no text is kept)`);
    else if (bytes) lines.push('', left > 0 ? `${body}\u2026 (${text(left, 'bytes')} more)` : body);
    return element('pre', {}, lines.join('\n'));
  }

  function exchange(entry) {
    const who = entry.vu === null ? 'setup() or teardown()' : `VU ${text(entry.vu)}, iteration ${text(entry.iteration)}`;
    const phases = Object.entries(entry.times || {}).filter(([, time]) => time > 0).map(([phase, time]) => `${phase.replaceAll('_', ' ')} ${text(time, 'ms')}`);
    const outcome = entry.error || (entry.status ? `status ${entry.status}` : `error ${entry.error_code}`);
    return element('details', { class: 'exchange' },
      element('summary', {}, element('span', { class: 'bad' }, outcome), ` ${entry.name || entry.url} `, element('small', {}, entry.ended)),
      element('p', {}, [entry.scenario && `scenario ${entry.scenario}`, who, entry.remote && `address ${entry.remote}`, entry.proto, member(entry, 'tls_version', 'length') && entry.tls_version.replace(/^tls/, 'TLS ')]
        .filter(Boolean).join(' \u00b7 ')),
      phases.length ? element('p', { class: 'place' }, phases.join(', ')) : null,
      entry.request ? wire(entry.request) : element('p', {}, entry.url),
      entry.response ? wire(entry.response) : element('p', {}, entry.status ? 'What was received is not kept.' : 'There was no answer.'));
  }

  function exchanges() {
    const part = columns((result) => (list(result.exchanges).length ? element('div', {}, result.exchanges.map(exchange)) : null));
    if (part) section('Failed exchanges', part);
  }

  function metrics() {
    const order = ['value', 'count', 'rate', 'passes', 'fails', 'avg', 'min', 'med', 'max', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)'];
    const made = columns((result) => {
      const types = member(result, 'summary', 'types') || {};
      return table(['Metric', 'Values'], Object.entries(member(result, 'summary', 'metrics') || {}).map(([name, values]) => {
        const unit = (word) => (word === 'count' || word === 'passes' || word === 'fails' ? 'number'
          : word === 'rate' && member(types, name, 'type') === 'counter' && member(types, name, 'unit') !== 'bytes' ? 'number' : member(types, name, 'unit') || 'number');
        const words = Object.keys(values).sort((a, b) => (order.indexOf(a) + 99) % 99 - (order.indexOf(b) + 99) % 99);
        return [name, words.map((word) => `${word}\u00a0${text(values[word], unit(word)).replace(' ', '\u00a0')}`).join('  ')];
      }));
    });
    section('All metrics', element('details', { class: 'long' }, element('summary', {}, 'Show each metric with its statistics'), made));
  }

  function settings() {
    section('The test and the machine', element('details', { class: 'long' }, element('summary', {}, 'Show scenarios, workers and settings'), columns((result) => element('div', {},
      table(['Scenario', ['Scheduled', 'number'], ['Started', 'number'], ['Dropped', 'number'], ['Completed', 'number'], ['Interrupted', 'number'], ['Errors', 'number']],
        list(result.accounting).map((entry) => [entry.scenario, ...['scheduled', 'started', 'dropped', 'completed', 'interrupted', 'errors'].map((word) => text(entry[word]))])),
      table(['Worker', 'Loop', 'Runtime', ['Processor', 'number'], ['Memory', 'number'], 'Lost'], list(result.workers).map((entry) => [text(entry.id), entry.loop || '-', entry.runtime || '-',
        clock((entry.cpu_user_s || 0) + (entry.cpu_system_s || 0)), text(entry.max_rss_bytes, 'bytes'), member(entry, 'lost', 'reason') || 'no'])),
      element('p', {}, ['os', 'kernel', 'arch', 'cpu_model'].map((key) => member(result, 'machine', key)).filter(Boolean).join(', '),
        `, ${text(member(result, 'machine', 'cores_usable'))} of ${text(member(result, 'machine', 'cores'))} cores`),
      element('pre', {}, JSON.stringify(result.config, null, 2))))));
  }

  head();
  tiles();
  thresholds();
  plots();
  requests();
  checks();
  errors();
  exchanges();
  metrics();
  settings();
})();
