// SPDX-License-Identifier: MIT
// The drawing code of rampa's pages: plots over time from the members of a result file (docs/result.md), by dygraphs. All text
// goes into the page as text nodes, because names and messages may come from a server. dygraphs writes titles, labels and
// legends as HTML, so it is given none of them.
'use strict';

const rampaCharts = (() => {
  const COLORS = ['#3a7cc4', '#d0652a', '#2f9a62', '#9a62c8', '#cc4a78', '#7890a4'];
  // The legend of dygraphs writes HTML, and styles that the policy of the page refuses.
  Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === 'class') made.className = value;
      else if (key === 'color') made.style.color = value;
      else made.setAttribute(key, value);
    }
    for (const child of children.flat()) {
      if (child !== null && child !== undefined) made.append(child);
    }
    return made;
  }

  // ---- numbers for people --------------------------------------------------------------------------------------------------

  function digits(value) {
    const size = Math.abs(value);
    if (size === 0) return '0';
    if (size >= 1000) return Math.round(value).toLocaleString('en-US');
    return String(Number(value.toPrecision(3)));
  }

  const units = {
    number: digits,
    ratio: (value) => digits(value * 100) + ' %',
    ms: (value) => {
      const size = Math.abs(value);
      if (size === 0) return '0 ms';
      if (size < 1) return digits(value * 1000) + ' us';
      return size < 1000 ? digits(value) + ' ms' : digits(value / 1000) + ' s';
    },
    bytes: (value) => {
      const names = ['B', 'kB', 'MB', 'GB', 'TB'];
      let size = value, step = 0;
      while (Math.abs(size) >= 1000 && step < names.length - 1) { size /= 1000; step++; }
      return digits(size) + ' ' + names[step];
    },
  };

  function text(value, unit) {
    return value === null || value === undefined ? '-' : (units[unit] || units.number)(value);
  }

  // A moment or a length of the run: 7.5 s, 1:05, 2:00:00.
  function clock(seconds) {
    if (seconds < 60) return digits(seconds) + ' s';
    const whole = Math.round(seconds), two = (n) => String(n).padStart(2, '0');
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }

  // ---- parts of pages ------------------------------------------------------------------------------------------------------

  // heads: texts, or [text, 'number'] for a column of numbers. A cell is a text, or a node.
  // @name: a class of the whole. A narrow page may show 'cards' as lines with the head of each column in front.
  function table(heads, rows, name = '') {
    const columns = heads.map((head) => (Array.isArray(head) ? head : [head, '']));
    const cell = (tag, value, index) => element(tag, { ...(columns[index][1] ? { class: columns[index][1] } : {}),
      ...(name && tag === 'td' ? { 'data-head': columns[index][0] } : {}) }, value);
    return element('div', { class: `wide ${name}`.trim() }, element('table', {},
      element('thead', {}, element('tr', {}, columns.map(([head], index) => cell('th', head, index)))),
      element('tbody', {}, rows.map((row) => element('tr', {}, row.map((value, index) => cell('td', value, index)))))));
  }

  // Whether a threshold is met; null = not judged.
  const mark = (passed) => element('span', { class: passed === null ? 'none' : passed ? 'good' : 'bad' },
    passed === null ? 'not judged' : passed ? '\u2713 met' : '\u2717 missed');

  // ---- data of a result ----------------------------------------------------------------------------------------------------

  // The value below which the share q of the samples lies, interpolated inside of its bucket.
  function percentile(buckets, q) {
    let total = 0;
    for (const bucket of buckets) total += bucket[2];
    if (total === 0) return null;
    let left = q * total;
    for (const [low, high, count] of buckets) {
      if (left <= count) return low + (high - low) * (left / count);
      left -= count;
    }
    return buckets[buckets.length - 1][1];
  }

  // [[start, value], ..] of a series: value(column, length) makes it of a point, where column(name) is a number of the point.
  // Seconds without samples have no point: @gap stands there, 0 for a rate. Without it a line goes on to the next point.
  function points(result, metric, value, gap) {
    const series = result.series && result.series[metric];
    if (!series) return [];
    const at = Object.fromEntries(series.columns.map((name, index) => [name, index]));
    return bridge(series.points.map((point) => [point[0], value((name) => point[at[name]], point[1]), point[1]]), gap);
  }

  // [[start, value], ..] of [[start, value, length], ..], with @gap at both ends of each stretch that none of them covers.
  function bridge(list, gap) {
    const made = [];
    list.forEach(([start, value, length], index) => {
      const next = list[index + 1], end = start + length;
      made.push([start, value]);
      if (gap !== undefined && next && next[0] - end > 0.5 * length) made.push([end, gap], [(end + next[0]) / 2, gap], [next[0] - length / 100, gap]);
    });
    return made;
  }

  // Several lists of [x, value] as rows [x, value, value, ..] with null where a list has no value.
  function join(lists) {
    const rows = new Map();
    lists.forEach((list, index) => {
      for (const [x, value] of list) {
        if (!rows.has(x)) rows.set(x, new Array(lists.length).fill(null));
        rows.get(x)[index] = value;
      }
    });
    return [...rows.entries()].sort((a, b) => a[0] - b[0]).map(([x, values]) => [x, ...values]);
  }

  // ---- plots ---------------------------------------------------------------------------------------------------------------

  function underlay(marks, lines, unit) {
    return (context, area, chart) => {
      context.save();
      context.font = '11px sans-serif';
      for (const mark of marks) {
        const left = chart.toDomXCoord(mark.from);
        context.fillStyle = 'rgba(128, 128, 128, 0.18)';
        context.strokeStyle = 'rgba(128, 128, 128, 0.7)';
        if (mark.to !== undefined) context.fillRect(left, area.y, chart.toDomXCoord(mark.to) - left, area.h);
        else {
          context.setLineDash([2, 3]);
          context.beginPath();
          context.moveTo(left, area.y);
          context.lineTo(left, area.y + area.h);
          context.stroke();
        }
        context.fillStyle = 'rgba(128, 128, 128, 1)';
        const width = context.measureText(mark.text).width, isPause = mark.to !== undefined;
        context.fillText(mark.text, left + 3 + width > area.x + area.w ? left - 3 - width : left + 3, area.y + (isPause ? 22 : 10));
      }
      for (const line of lines) {
        const top = chart.toDomYCoord(line.value);
        if (top < area.y || top > area.y + area.h) continue;
        context.strokeStyle = context.fillStyle = line.failed ? '#d04040' : '#888888';
        context.setLineDash([6, 4]);
        context.beginPath();
        context.moveTo(area.x, top);
        context.lineTo(area.x + area.w, top);
        context.stroke();
        const label = `${line.text} (${text(line.value, unit)})`;
        context.fillText(label, area.x + 4, top - 4);
      }
      context.restore();
    };
  }

  // From zero to above the highest value, and to a bound that is not far above.
  function range(rows, bounds) {
    const most = Math.max(...rows.flatMap((row) => row.slice(1).filter(Number.isFinite)), 0);
    const top = Math.max(most, ...bounds.map((bound) => bound.value).filter((value) => value <= most * 3));
    return [0, top > 0 ? top * 1.12 : 1];
  }

  /* A plot with its title and legend, appended to @parent; nothing when no line has a point. Returns a function that draws the
   * same lines again with other points, and other marks; null when there is no plot.
   *   title  text
   *   unit   of the values: a name of units
   *   lines  [{label, points: [[x, value], ..], color (a number) and dashed, both optional}]
   *   marks  [{from, to, text}]: stretches of x, or moments without to
   *   bounds [{value, text, failed}]: horizontal lines
   *   x      the text of a place on the x axis; a time by default
   *   steps  whether a value holds until the next one
   */
  function plot(parent, { title, unit, lines, marks = [], bounds = [], x = clock, steps = false }) {
    const drawn = lines.filter((line) => line.points.length);
    if (!drawn.length) return null;
    const values = drawn.map((line, index) => ({ line, color: COLORS[(line.color ?? index) % COLORS.length] }));
    const place = element('span', { class: 'place' });
    const shown = values.map(() => element('b', {}));
    const legend = element('div', { class: 'legend' }, values.map(({ line, color }, index) =>
      element('span', {}, element('i', { class: line.dashed ? 'dashed' : 'line', color }), ' ' + line.label + ' ', shown[index])).flatMap((item) => [item, ' ']), place);
    const room = element('div', { class: 'plot' });
    parent.append(element('figure', {}, element('figcaption', {}, title), legend, room));
    const rows = join(drawn.map((line) => line.points));
    const chart = new Dygraph(room, rows, {
      labels: ['x', ...values.map((_, index) => String(index))],
      colors: values.map(({ color }) => color),
      series: Object.fromEntries(values.map(({ line }, index) => [String(index), { strokePattern: line.dashed ? [5, 4] : null }])),
      legend: 'never',
      connectSeparatedPoints: true,
      stepPlot: steps,
      fillGraph: steps,
      strokeWidth: 1.6,
      drawPoints: rows.length < 3,
      pointSize: 3,
      valueRange: range(rows, bounds),
      axes: {
        x: { axisLabelFormatter: (value) => x(value), drawGrid: false },
        y: { axisLabelFormatter: (value) => text(value, unit), axisLabelWidth: 62 },
      },
      gridLineColor: 'rgba(128, 128, 128, 0.25)',
      axisLineColor: 'rgba(128, 128, 128, 0.7)',
      animatedZooms: false,
      underlayCallback: underlay(marks, bounds, unit),
      highlightCallback: (event, at, found) => {
        place.textContent = x(at);
        shown.forEach((item) => { item.textContent = ''; });
        for (const point of found) shown[Number(point.name)].textContent = text(point.yval, unit);
      },
      unhighlightCallback: () => {
        place.textContent = '';
        shown.forEach((item) => { item.textContent = ''; });
      },
    });
    return (again, others) => {
      const more = join(again.filter((line) => line.points.length).map((line) => line.points));
      chart.updateOptions({ file: more, valueRange: range(more, bounds), drawPoints: more.length < 3, underlayCallback: underlay(others, bounds, unit) });
    };
  }

  // Paper is narrower than a window: the page keeps its layout there, with the plots as they are drawn, and becomes smaller.
  const PAPER = 690;
  const body = document.body;
  window.addEventListener('beforeprint', () => {
    const width = Math.max(body.clientWidth, PAPER);
    body.style.width = `${width}px`;
    body.style.zoom = String(PAPER / width);
  });
  window.addEventListener('afterprint', () => { body.style.width = body.style.zoom = ''; });

  return { element, text, clock, table, mark, percentile, points, bridge, plot };
})();
