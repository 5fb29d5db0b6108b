# SPDX-License-Identifier: MIT
"""What Reeve is to reach, and whether it did.

A target is (what, bound, measure); measure(results) gives what was measured, as text, and
whether that is within the bound.  Where a step has no result it raises KeyError.
"""
from results import median, number, size

MET, MISSED, UNKNOWN = 'met', '**missed**', 'not measured'
GROWTH_CPU = 1.35
GROWTH_CALLS = 1.05  # batches are not always as large


def at_least(value, bound):
    return number(value), value >= bound


def at_most(value, bound, text=None):
    return text or number(value), value <= bound


def rate_ratio(step, workload, bound):
    return lambda results: at_least(
        results.workload(step, workload)['ratio']['tasks_per_s'], bound)


def handoff_ratio(step, figure, bound):
    return lambda results: at_most(results.workload(step, 'W2')['ratio'][figure], bound)


def times_of(peers, workload, bound):
    """Beside the fastest of these."""
    def measure(results):
        found = results.workload('peers', workload)['ratio']
        return at_least(min(found[peer]['tasks_per_s'] for peer in peers if peer in found), bound)
    return measure


def cpu_share(workload):
    """Of reeved without HTTP, beside Redis' own in the same measurement."""
    def measure(results):
        reeve = results.workload('limit', workload)['reeve']
        every, http, redis = (median(reeve[side + '_cpu_us_per_task'])
                              for side in ('reeved', 'reeved_http', 'redis'))
        mine = every - http
        text = '%s (%s of %s us)' % tuple(map(number, (mine / redis, mine, redis)))
        if http > 0.02 * redis:
            text += ', and %s for HTTP' % number(http)
        return text, mine <= redis / 2
    return measure


def recovery_of(n, bound):
    def measure(results):
        row = next(row for row in results.of('recovery')['recovery'] if row['n'] == n)
        return at_most(row['first_task_s'], bound, number(row['first_task_s']) + ' s')
    return measure


def spawn_ratio(workload):
    return lambda results: at_least(results.workload('spawn', workload)['ratio']['bare'], 0.7)


def steady_handoff(step, load, bound_ms):
    def measure(results):
        row = next(row for row in results.of(step)['steady'] if row['load_percent'] == load)
        mine, raw = (median(row[side]['handoff_us']['p99']) / 1000 for side in ('reeve', 'raw'))
        return at_most(mine, bound_ms, '%s ms (raw %s ms)' % (number(mine), number(raw)))
    return measure


def bytes_of(key, bound):
    def measure(results):
        value = results.of('recovery')[key]
        return at_most(value, bound, size(value))
    return measure


def grown(kind, figures, bound):
    """How the largest of the sizes is beside the smallest, figure by figure."""
    def measure(results):
        rows = [row for row in results.of('growth')['growth'] if row['kind'] == kind]
        if len(rows) < 2:
            raise KeyError(kind)
        ratios = [max(row[f] for row in rows) / min(row[f] for row in rows) for f in figures]
        return 'x ' + ' and '.join('%.2f' % ratio for ratio in ratios), max(ratios) <= bound
    return measure


def flat(starts, percent):
    """Instructions of the engine and of the store, from few to many."""
    def measure(results):
        rows = [row for row in results.of('instructions')['flat']
                if row['few_at'].startswith(starts)]
        worst = max((row['percent'] for row in rows), key=abs)
        return '%+.1f %%' % worst, abs(worst) <= percent
    return measure


def targets():
    """All of them, in the order of the page."""
    celery = ('celery', 'celery-prefork2')
    cpu = ('reeved_cpu_us_per_task', 'redis_cpu_us_per_task')
    found = [('%s, of the raw limit' % name, '≥ %g' % bound, rate_ratio('limit', name, bound))
             for name, bound in (('W1', 0.5), ('W1b', 0.7), ('W3', 0.7), ('W4', 0.7))]
    found += [('W2 hand-off %s beside the raw one, %s' % (name, place), '≤ %g' % bound,
               handoff_ratio(step, 'handoff_%s_us' % name, bound))
              for step, place in (('limit', 'unix socket'), ('tcp', 'TCP'),
                                  ('awake', 'unix socket, idle cores kept awake'))
              for name, bound in (('p50', 1.4), ('p99', 2.5))]
    found += [('%s, times %s' % (name, who), '≥ %g' % bound, times_of(peers, name, bound))
              for who, peers, bounds in (('BullMQ', ('bullmq',), (4, 6, 6)),
                                         ('Celery', celery, (40, 60, 60)))
              for name, bound in zip(('W1', 'W3', 'W4'), bounds)]
    found += [('%s, a process for each task, of bare posix_spawn' % name, '≥ 0.7',
               spawn_ratio(name)) for name in ('W1b', 'W3')]
    found += [('hand-off p99 at 50 % load', '≤ 5 ms', steady_handoff('steady', 50, 5)),
              ('the same, idle cores kept awake', '≤ 5 ms', steady_handoff('awake', 50, 5)),
              ('recovery with 1,000,000 live tasks, to the first hand-out', '< 5 s',
               recovery_of(1000000, 5)),
              ('`reeved` idle, RssAnon', '≤ 4 MiB', bytes_of('idle_rss_anon_bytes', 4 << 20)),
              ('a live task besides texts', '≤ 200 bytes', bytes_of('bytes_per_live_task', 200))]
    found += [("CPU of `reeved` a task (HTTP aside), of Redis' own: %s" % name, '≤ 0.5',
               cpu_share(name)) for name in ('W1', 'W1b', 'W2', 'W3', 'W4')]
    for kind, text, starts in (('live', '1,000 to 1,000,000 live tasks', 'live'),
                               ('idle', '1 to 10,000 live runs', 'idle-runs'),
                               ('runs', '1 to 10,000 runs by turns', 'runs')):
        found += [('%s: instructions a task' % text, 'within 10 %', flat(starts, 10)),
                  ('%s: Redis calls a task' % text, 'equal (5 %)',
                   grown(kind, ('redis_calls_per_task',), GROWTH_CALLS)),
                  ('%s: CPU a task (`reeved`, Redis)' % text, 'within 35 %',
                   grown(kind, cpu, GROWTH_CPU))]
    return found


def judged(results):
    """[(what, bound, measured, verdict)]"""
    rows = []
    for what, bound, measure in targets():
        try:
            text, met = measure(results)
            rows.append((what, bound, text, MET if met else MISSED))
        except (KeyError, IndexError, StopIteration, TypeError, ValueError, ZeroDivisionError):
            rows.append((what, bound, '–', UNKNOWN))
    return rows
