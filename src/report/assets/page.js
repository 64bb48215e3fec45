/* Draws the charts of a report page from the JSON in it. Nothing here makes HTML of a text: names reach canvases only. */
'use strict';
(function () {
  const charts = [];
  const data = JSON.parse(document.getElementById('charts').textContent);

  function css(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function faded(colour, alpha) {
    return colour + Math.round(alpha * 255).toString(16).padStart(2, '0');
  }

  function percent(value) {
    return (100 * value).toFixed(2) + ' %';
  }

  function short(value) {
    return Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-4) ? value.toExponential(1) : String(+value.toPrecision(4));
  }

  /* Ticks of shares have as many digits as tell them apart. */
  function shareTick(value, index, ticks) {
    const step = ticks.length > 1 ? Math.abs(ticks[1].value - ticks[0].value) : 1;
    return (100 * value).toFixed(step < 0.00999 ? (step < 0.000999 ? 2 : 1) : 0) + ' %';
  }

  function axis(title, share) {
    return {
      title: { display: Boolean(title), text: title, color: css('--soft') },
      grid: { color: css('--line'), drawBorder: false },
      ticks: { color: css('--soft'), maxTicksLimit: 7, maxRotation: 0, callback: share ? shareTick : short }
    };
  }

  function legend(shown, filter) {
    return {
      display: shown, position: 'bottom',
      labels: { color: css('--ink'), usePointStyle: true, pointStyle: 'line', boxWidth: 28, padding: 14, filter: filter || (() => true) }
    };
  }

  function options(scales, legendOptions, tooltip) {
    return {
      animation: false, responsive: true, maintainAspectRatio: false, scales: scales,
      interaction: { mode: 'nearest', intersect: false },
      plugins: { legend: legendOptions, tooltip: tooltip || {} }
    };
  }

  /* --- curves: a line for the mean, a band from the least to the most --- */

  function points(series, values) {
    return series.x.map((x, i) => ({ x: x, y: values[i] }));
  }

  function isBand(series) {
    return series.mean.some((mean, i) => mean !== null && series.high[i] > series.low[i]);
  }

  function lines(chart) {
    const sets = [];
    for (const series of chart.series) {
      const colour = css('--c' + series.colour), few = series.x.length < 3;
      const edge = { borderWidth: 0, pointRadius: 0, pointHitRadius: 0, isEdge: true, label: series.label, order: 2 };
      if (isBand(series)) {
        sets.push(Object.assign({ data: points(series, series.low), fill: false }, edge));
        sets.push(Object.assign({ data: points(series, series.high), fill: '-1', backgroundColor: faded(colour, series.dashed ? 0.08 : 0.16) }, edge));
      }
      sets.push({
        label: series.label, data: points(series, series.mean), borderColor: colour, backgroundColor: colour, borderWidth: series.dashed ? 1.25 : 2,
        borderDash: series.dashed ? [5, 4] : [], pointRadius: few ? 3 : 0, pointHoverRadius: 4, fill: false, tension: 0, order: 1
      });
    }
    const x = axis(chart.x, false), y = axis('', chart.percent);
    x.type = 'linear';
    x.ticks.precision = 0;
    const epochs = chart.series.flatMap((series) => series.x);
    if (Math.max(...epochs) > Math.min(...epochs)) x.min = Math.min(...epochs);
    const all = chart.series.flatMap((series) => series.high.filter((value) => value !== null));
    if (chart.zero) Object.assign(y, { min: 0, suggestedMax: 1.1 * Math.max(...all) });
    const shown = options({ x: x, y: y }, legend(true, (item, all) => !all.datasets[item.datasetIndex].isEdge), {
      filter: (item) => !item.dataset.isEdge,
      callbacks: {
        title: (items) => (items.length ? chart.x + ' ' + items[0].parsed.x : ''),
        label: (item) => item.dataset.label + ': ' + (chart.percent ? percent(item.parsed.y) : short(item.parsed.y))
      }
    });
    /* A name in the legend stands for its line and its band. */
    shown.plugins.legend.onClick = function (event, item, legendOf) {
      const drawn = legendOf.chart, label = drawn.data.datasets[item.datasetIndex].label, hide = drawn.isDatasetVisible(item.datasetIndex);
      drawn.data.datasets.forEach((set, i) => { if (set.label === label) drawn.setDatasetVisibility(i, !hide); });
      drawn.update();
    };
    return { type: 'line', data: { datasets: sets }, options: shown };
  }

  /* --- seeds: a point each, a bar at their mean --- */

  function dots(chart) {
    const sets = chart.rows.map((row, i) => {
      const colour = css('--c' + row.colour), seeds = row.values.filter((value) => value !== null);
      return [
        { label: row.label, data: seeds.map((value) => ({ x: value, y: i })), backgroundColor: faded(colour, 0.55), borderColor: colour, pointRadius: 5, pointHoverRadius: 7 },
        { label: row.label + ', mean', data: [{ x: row.mean, y: i }], borderColor: colour, pointStyle: 'line', rotation: 90, pointRadius: 11, borderWidth: 3, pointHoverBorderWidth: 3 }
      ];
    }).flat();
    const x = axis(chart.x, true), y = axis('', false);
    y.min = -0.6;
    y.max = chart.rows.length - 0.4;
    y.reverse = true;
    y.grid.display = false;
    y.afterBuildTicks = (scale) => { scale.ticks = chart.rows.map((row, i) => ({ value: i })); };
    y.ticks = { color: css('--ink'), autoSkip: false, callback: (value) => chart.rows[value] ? cut(chart.rows[value].label) : '' };
    const all = chart.rows.flatMap((row) => row.values.filter((value) => value !== null).concat(row.mean));
    const margin = 0.08 * (Math.max(...all) - Math.min(...all)) || 0.01;
    x.suggestedMin = Math.max(0, Math.min(...all) - margin);
    if (Math.max(...all) + margin > 1) x.max = 1;
    else x.suggestedMax = Math.max(...all) + margin;
    sets.forEach((set) => { set.clip = false; });
    return {
      type: 'scatter', data: { datasets: sets },
      options: options({ x: x, y: y }, legend(false), { callbacks: { label: (item) => item.dataset.label + ': ' + percent(item.parsed.x) } }),
      height: 4.2 + 2.1 * chart.rows.length
    };
  }

  function cut(text) {
    return text.length > 32 ? text.slice(0, 31) + '…' : text;
  }

  /* --- calibration: accuracy by confidence, beside the line where both are the same --- */

  function bins(chart) {
    const colour = css('--c' + chart.colour), count = chart.count.length;
    const sum = chart.count.reduce((a, b) => a + b, 0) || 1;
    const middle = (i) => (i + 0.5) / count;
    const x = axis('confidence', true), y = axis('accuracy', true);
    Object.assign(x, { type: 'linear', min: 0, max: 1, offset: false });
    Object.assign(y, { min: 0, max: 1 });
    x.grid.offset = false;
    const sets = [
      { type: 'line', label: 'confidence = accuracy', data: [{ x: 0, y: 0 }, { x: 1, y: 1 }], borderColor: css('--ink'), borderDash: [5, 4], borderWidth: 1.5, pointRadius: 0, pointHitRadius: 0, order: 0 },
      { type: 'bar', label: 'accuracy', data: chart.accuracy.map((value, i) => ({ x: middle(i), y: value })), backgroundColor: faded(colour, 0.4), borderColor: colour, borderWidth: { top: 2 }, barPercentage: 1, categoryPercentage: 0.94, grouped: false, order: 2 },
      { type: 'bar', label: 'share of the answers', data: chart.count.map((value, i) => ({ x: middle(i), y: value / sum })), backgroundColor: colour, barPercentage: 1, categoryPercentage: 0.35, grouped: false, order: 1 }
    ];
    const shown = options({ x: x, y: y }, legend(true), {
      callbacks: {
        title: (items) => items.length ? 'confidence ' + percent(items[0].dataIndex / count) + ' to ' + percent((items[0].dataIndex + 1) / count) : '',
        label: (item) => item.dataset.label + ': ' + percent(item.parsed.y) + (item.datasetIndex === 2 ? ' (' + chart.count[item.dataIndex] + ')' : '')
      }
    });
    shown.plugins.legend.labels.pointStyle = 'rect';
    shown.plugins.legend.labels.boxWidth = 10;
    return { type: 'bar', data: { datasets: sets }, options: shown };
  }

  /* --- classes --- */

  function bars(chart) {
    const sets = chart.series.map((series) => ({ label: series.label, data: series.values, backgroundColor: css('--c' + series.colour), maxBarThickness: 22 }));
    const least = Math.min(...chart.series.flatMap((series) => series.values.filter((value) => value !== null)));
    const x = axis('', false), y = axis('', true);
    x.grid.display = false;
    x.ticks = { color: css('--ink'), maxRotation: 60, autoSkip: false };
    y.max = 1;
    y.min = Math.max(0, Math.floor(10 * least - 0.5) / 10);
    const shown = options({ x: x, y: y }, legend(true), { callbacks: { label: (item) => item.dataset.label + ': ' + percent(item.parsed.y) } });
    shown.plugins.legend.labels.pointStyle = 'rect';
    shown.plugins.legend.labels.boxWidth = 10;
    return { type: 'bar', data: { labels: chart.labels.map(cut), datasets: sets }, options: shown };
  }

  /* --- all of them --- */

  const kinds = { lines: lines, dots: dots, bins: bins, bars: bars };

  function draw() {
    while (charts.length) charts.pop().destroy();
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 12;
    data.forEach((chart, i) => {
      const canvas = document.getElementById('chart-' + i), made = kinds[chart.kind](chart);
      if (made.height) canvas.parentElement.style.height = made.height + 'rem';
      charts.push(new Chart(canvas, made));
    });
  }

  draw();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  /* Paper is white. */
  addEventListener('beforeprint', () => { document.documentElement.classList.add('printing'); draw(); });
  addEventListener('afterprint', () => { document.documentElement.classList.remove('printing'); draw(); });
}());
