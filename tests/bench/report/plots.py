# SPDX-License-Identifier: MIT
"""The page's plots: by name, a function of the results that gives SVG."""
from blocks import GROWS, LATENCIES, PEERS, SPAWNERS, WORKLOADS, \
    handoff_rows, payload_name, settings_of
from results import triple
from svg import COLORS, Plot, Series


def rates(results, step, side, **setting):
    values = []
    for workload in WORKLOADS:
        try:
            values.append(triple(results.workload(step, workload, **setting)[side]
                                 ['tasks_per_s']))
        except KeyError:
            values.append(None)
    return values


def limit_plot(results):
    plot = Plot('Reeve beside the raw limit of the same Redis, AOF everysec')
    plot.bars('tasks/s, median and least to most', WORKLOADS, [
        Series('Reeve', rates(results, 'limit', 'reeve')),
        Series('raw limit', rates(results, 'limit', 'raw'))])
    return plot.text()


def peers_plot(results):
    plot = Plot('The same workloads with others, AOF everysec')
    sides = [('Reeve', 'reeve'), ('raw limit', 'raw')] + [(n, p) for p, n in PEERS.items()]
    plot.bars('tasks/s (logarithmic)', WORKLOADS, [
        Series(name, rates(results, 'peers', side)) for name, side in sides], log=True)
    return plot.text()


def handoff_plot(results):
    plot = Plot('Hand-off in a chain of 1,000: the end of a task to the start of the next')
    rows = list(handoff_rows(results))
    groups = [who.replace(', unix socket', '').replace(', TCP', ' (TCP)') for who, _ in rows]
    plot.bars('microseconds (logarithmic)', groups, [
        Series(p, [triple(found['handoff_%s_us' % p]) for _, found in rows])
        for p in ('p50', 'p95', 'p99')], log=True)
    return plot.text()


def matrix_plot(step, key, title, name=str):
    def draw(results):
        plot = Plot(title)
        values = settings_of(results, step, key)
        for side, who in (('reeve', 'Reeve'), ('raw', 'the raw limit')):
            plot.bars('%s, tasks/s' % who, WORKLOADS, [
                Series(name(value), rates(results, step, side, **{key: value}))
                for value in values])
        return plot.text()
    return draw


def growth_plot(kind):
    def draw(results):
        rows = [row for row in results.of('growth')['growth'] if row['kind'] == kind]

        def line(name, key, scale=1):
            return Series(name, [(row['n'], row[key] * scale) for row in rows])
        plot = Plot('As the number of %s grows' % GROWS[kind])
        plot.lines('tasks/s', [line('Reeve', 'tasks_per_s')], xlog=True)
        plot.lines('CPU a task, us', [line('Redis', 'redis_cpu_us_per_task'),
                                      line('reeved', 'reeved_cpu_us_per_task')], xlog=True)
        plot.lines('memory, MiB (logarithmic)', [
            line('Redis', 'redis_bytes', 1 / (1 << 20)),
            line('reeved, RssAnon', 'rss_anon_bytes', 1 / (1 << 20))], xlog=True, ylog=True,
            xlabel=GROWS[kind])
        return plot.text()
    return draw


def steady_plot(results):
    rows = results.of('steady')['steady']
    plot = Plot('Latencies under a steady load, by percent of the capacity')
    for key, name in LATENCIES.items():
        plot.lines('%s, us (logarithmic)' % name, [
            Series('%s%s' % (p.replace('_', '.'), who),
                   [(row['load_percent'], triple(row[side][key][p])[0]) for row in rows],
                   side == 'raw', COLORS[i])
            for side, who in (('reeve', ''), ('raw', ', raw'))
            for i, p in enumerate(('p50', 'p99', 'p99_9'))], ylog=True,
            xlabel='load, %' if key == 'whole_us' else '')
    return plot.text()


def spawn_plot(results):
    rows = results.of('spawn')['workloads']
    plot = Plot('A process for each task, two cores')
    plot.bars('tasks/s', [row['workload'] for row in rows], [
        Series(name, [triple(row[side]['tasks_per_s']) if row.get(side) else None
                      for row in rows]) for side, name in SPAWNERS.items()])
    return plot.text()


PLOTS = {
    'steady': steady_plot,
    'spawn': spawn_plot,
    'limit': limit_plot,
    'peers': peers_plot,
    'handoff': handoff_plot,
    'aof': matrix_plot('aof', 'appendfsync', 'appendfsync of the append-only file'),
    'payload': matrix_plot('payload', 'payload', 'What each task carries', payload_name),
    'agents': matrix_plot('agents', 'agents', 'Agents, a process each'),
    'partitions': matrix_plot('partitions', 'partitions', 'Partitions of one reeved'),
}
PLOTS.update({'growth-' + kind: growth_plot(kind) for kind in GROWS})
