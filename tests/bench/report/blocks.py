# SPDX-License-Identifier: MIT
"""The parts of the page that are written from results: tables, with the plots they show.

BLOCKS has, by the name of its markers, the steps that a block shows and what writes it: a
function of the results that gives lines of Markdown.  The page draws what they name in
plots.PLOTS.
"""
from collections import namedtuple

from results import median, number, size, spread, table
from targets import MET, MISSED, judged

Block = namedtuple('Block', 'steps write')
BUSY = 0.1  # of all cores, by others; above, no number is worth much
DISTURBED = {'busy': 'was busy with other things (up to %.0f %% of it before a step)',
             'stolen': 'was taken away (up to %.0f %% of it while a step ran: other machines share '
                       'its cores)'}
WORKLOADS = ('W1', 'W1b', 'W2', 'W3', 'W4')
PEERS = {'bullmq': 'BullMQ', 'celery': 'Celery, solo', 'celery-prefork2': 'Celery, prefork 2'}
HANDOFFS = ('p50', 'p95', 'p99')


def image(name, about):
    return '![%s](performance/%s.svg)' % (about, name)


def targets_block(results):
    lines = [table(('target', 'bound', 'measured', ''), judged(results))]
    for key, how in DISTURBED.items():
        part = max((record.get(key) or 0 for record in results.files.values()), default=0)
        if part > BUSY:
            lines += ['', '**The machine ' + how % (100 * part) +
                      ': these numbers are worth little.**']
    return lines


def limit_rows(results, step):
    for found in results.of(step)['workloads']:
        yield (found['workload'], number(found['tasks']), spread(found['reeve']['tasks_per_s']),
               spread(found['raw']['tasks_per_s']), number(found['ratio']['tasks_per_s']))


def cost_rows(results, step):
    for found in results.of(step)['workloads']:
        reeve, raw = found['reeve'], found['raw']

        def beside(key):
            return '%s (%s)' % (number(median(reeve[key])), number(median(raw[key])))
        yield (found['workload'], beside('redis_cpu_us_per_task'),
               number(median(reeve['reeved_cpu_us_per_task'])),
               number(median(reeve['reeved_http_cpu_us_per_task'])),
               beside('redis_calls_per_task'),
               number(median(reeve['reeved_rss_anon_mib'])))


def limit_block(results):
    return [
        table(('', 'tasks', 'Reeve, tasks/s', 'raw limit, tasks/s', 'ratio'),
              limit_rows(results, 'limit')), '',
        image('limit', 'Tasks a second, Reeve beside the raw limit'), '',
        table(('a task costs (raw)', 'Redis CPU, us', '`reeved` CPU, us', 'of it HTTP', 'Redis calls',
               '`reeved` RssAnon, MiB'), cost_rows(results, 'limit'))]


def tcp_block(results):
    return [table(('', 'tasks', 'Reeve, tasks/s', 'raw limit, tasks/s', 'ratio'),
                  limit_rows(results, 'tcp'))]


def handoff_rows(results):
    """(who, {p50: spread, …}), as far as measured."""
    for step, place in (('limit', 'unix socket'), ('tcp', 'TCP')):
        if results.measured(step):
            found = results.workload(step, 'W2')
            yield 'Reeve, ' + place, found['reeve']
            yield 'raw limit, ' + place, found['raw']
    if results.measured('peers'):
        found = results.workload('peers', 'W2')
        for peer, name in PEERS.items():
            if peer in found:
                yield name, found[peer]


def handoff_block(results):
    return [table(('hand-off, us', *HANDOFFS), [
        (who, *(spread(found['handoff_%s_us' % p]) for p in HANDOFFS))
        for who, found in handoff_rows(results)]), '',
        image('handoff', 'Hand-off in a chain, microseconds')]


def peers_block(results):
    found = results.of('peers')
    there = [peer for peer in PEERS if peer in found['peers']]
    rows = []
    for workload in WORKLOADS:
        w = results.workload('peers', workload)
        sides = ['reeve', 'raw'] + there
        rows.append([workload] + [spread(w[s]['tasks_per_s']) if s in w else '–' for s in sides])
        rows[-1] += [number(w['ratio'][p]['tasks_per_s']) if p in w['ratio'] else '–'
                     for p in there]
    lines = [table(['tasks/s', 'Reeve', 'raw limit'] + [PEERS[p] for p in there] +
                   ['Reeve / ' + PEERS[p] for p in there], rows), '',
             image('peers', 'Tasks a second beside the peers'), '']
    lines += ['- %s %s: %s.' % (PEERS[peer], found['peers'][peer]['version'],
                                found['peers'][peer]['about']) for peer in there]
    lines += ['- %s: not measured, it %s.' % (PEERS[p], why)
              for p, why in found['skipped'].items() if p in PEERS]
    lines += ['- %s of %s failed once: %s' % (fault['workload'], fault['side'], fault['why'])
              for fault in found['faults']]
    return lines


def settings_of(results, step, key):
    values = []
    for found in results.of(step)['workloads']:
        if found[key] not in values:
            values.append(found[key])
    return values


def payload_name(value):
    return 'none' if value == 0 else size(value)


def matrix_block(step, key, heading, name=str):
    """Of one option's values: tasks/s and the ratio to the raw limit under the same."""
    def write(results):
        values = settings_of(results, step, key)
        rows = []
        for workload in WORKLOADS:
            found = [results.workload(step, workload, **{key: value}) for value in values]
            rows.append([workload] + ['%s (%s)' % (
                number(median(f['reeve']['tasks_per_s'])), number(f['ratio']['tasks_per_s']))
                for f in found])
        chain = [results.workload(step, 'W2', **{key: value}) for value in values]
        rows.append(['W2 hand-off p50, us'] + ['%s (%s)' % (
            number(median(f['reeve']['handoff_p50_us'])), number(f['ratio']['handoff_p50_us']))
            for f in chain])
        return [table([heading] + [name(value) for value in values], rows), '',
                image(step, 'Tasks a second by ' + heading)]
    return write


def source_block(results):
    return [table(('with `--source`', 'tasks', 'Reeve, tasks/s', 'raw limit, tasks/s', 'ratio'),
                  limit_rows(results, 'source'))]


GROWS = {'live': 'live tasks', 'agents': 'agents', 'idle': 'live runs',
         'runs': 'runs by turns', 'dag': 'tasks of a graph'}


def growth_block(results):
    lines = []
    for kind, name in GROWS.items():
        rows = [row for row in results.of('growth')['growth'] if row['kind'] == kind]
        if not rows:
            continue
        lines += [table((name, 'tasks/s', '`reeved` CPU, us/task', 'Redis CPU, us/task',
                         'Redis calls/task', '`reeved` RssAnon', 'Redis memory'), [
            (number(row['n']), number(row['tasks_per_s']), number(row['reeved_cpu_us_per_task']),
             number(row['redis_cpu_us_per_task']), '%.3f' % row['redis_calls_per_task'],
             size(row['rss_anon_bytes']), size(row['redis_bytes'])) for row in rows]), '',
            image('growth-' + kind, 'Growth: ' + name), '']
    return lines[:-1]


def recovery_block(results):
    found = results.of('recovery')
    return [table(('live tasks', 'ready after, s', 'first task after, s', '`reeved` RssAnon',
                   'Redis memory'), [
        (number(row['n']), number(row['ready_s']), number(row['first_task_s']),
         size(row['rss_anon_bytes']), size(row['redis_bytes'])) for row in found['recovery']]),
        '', 'Idle, `reeved` has %s of RssAnon; a live task takes %s besides texts.' % (
            size(found['idle_rss_anon_bytes']), size(found['bytes_per_live_task']))]


LATENCIES = {'queue_wait_us': 'queue wait', 'handoff_us': 'hand-off', 'whole_us': 'whole run'}
PERCENTILES = ('p50', 'p90', 'p99', 'p99_9', 'max')


def steady_table(loads):
    rows = []
    for found in loads:
        for key, name in LATENCIES.items():
            rows += [('%d %%' % found['load_percent'], number(found['runs_per_s']),
                      name + who, *(number(median(found[side][key][p])) for p in PERCENTILES))
                     for side, who in (('reeve', ''), ('raw', ', raw limit'))]
    return table(['load', 'runs/s', 'us'] + [p.replace('_', '.') for p in PERCENTILES], rows)


def steady_block(results):
    return [steady_table(results.of('steady')['steady']), '',
            image('steady', 'Latencies under a steady load')]


def awake_block(results):
    chain = results.workload('awake', 'W2')
    return [steady_table(results.of('awake')['steady']), '',
            table(['hand-off in W2, us'] + list(HANDOFFS), [
                (who, *(spread(chain[side]['handoff_%s_us' % p]) for p in HANDOFFS))
                for side, who in (('reeve', 'Reeve'), ('raw', 'raw limit'))])]


SPAWNERS = {'reeve': 'Reeve', 'bare': 'bare posix_spawn', 'make': 'make -j2', 'ninja': 'ninja -j2'}


def spawn_block(results):
    found = results.of('spawn')
    rows = []
    for w in found['workloads']:
        rows.append([w['workload']] + [
            spread(w[side]['tasks_per_s']) if w.get(side) else '–' for side in SPAWNERS] + [
            number(w['ratio'][side]) if side in w['ratio'] else '–' for side in ('bare', 'make')])
    return [table(['tasks/s'] + list(SPAWNERS.values()) + ['Reeve / bare', 'Reeve / make'], rows),
            '', image('spawn', 'Tasks a second, a process each'), '',
            table(['CPU of a task, us', 'the process', '`reeve-agent`', '`reeved`', 'Redis',
                   'bare: the process', 'the loop', 'make, all', 'ninja, all'],
                  [spawn_costs(w) for w in found['workloads']])]


def spawn_costs(w):
    def cost(side, key):
        return number(median((w.get(side) or {}).get(key + '_cpu_us_per_task')))
    return [w['workload'], cost('reeve', 'child'), cost('reeve', 'agent'),
            cost('reeve', 'reeved'), cost('reeve', 'redis'), cost('bare', 'child'),
            cost('bare', 'spawner'), *(number(median((w.get(side) or {}).get('cpu_us_per_task')))
                                       for side in ('make', 'ninja'))]


def instructions_block(results):
    found = results.of('instructions')
    return [table(('instructions a task', 'engine', 'ceiling', 'store', 'ceiling'), [
        (act['act'], *(number(act[key]) for key in ('engine', 'engine_ceiling', 'store',
                                                     'store_ceiling'))) for act in found['acts']]),
        '', table(('from', 'to', 'part', 'few', 'many', 'grows by'), [
            (row['few_at'], row['many_at'], row['part'], number(row['few']), number(row['many']),
             '%+.1f %%' % row['percent']) for row in found['flat']])]


def floors_block(results):
    return [table(('floor', 'bound', 'measured', ''), [
        ('%s: %s' % (floor['floor'].replace('_', ' '), floor['about']),
         '%s %s %s' % ('≥' if floor['bound'] == 'least' else '<', number(floor['limit']),
                       floor['unit']),
         '%s %s' % (number(floor['value']), floor['unit']), MET if floor['met'] else MISSED)
        for floor in results.of('floors')['floors']])]


def steps_block(results):
    from steps import STEPS
    rows = []
    for step in STEPS:
        record = results.files.get(step.name)
        if not record:
            rows.append((step.name, step.about, '–', '–', '–', '–', UNMEASURED))
            continue
        rows.append((step.name, step.about, record.get('at', '–'),
                     record.get('commit', '–') + (' and changes' if record.get('changed') else ''),
                     *('%.0f %%' % (100 * record[key]) if record.get(key) is not None else '–'
                       for key in DISTURBED),
                     '%.0f s' % record['seconds'] if results.measured(step.name) else
                     'failed: ' + one_line(record.get('failed') or '?')))
    machines = sorted({record['machine'] for record in results.files.values()
                       if record.get('machine')})
    commits = {record.get('commit') for record in results.files.values() if record.get('result')}
    mixed = [' The steps are of different commits.'] if len(commits) > 1 else []
    return ['Measured on: %s.' % '; '.join(machines or ['nothing yet']) + ''.join(mixed), '',
            table(('step', 'what', 'when', 'commit', 'busy before', 'stolen', 'took'), rows, left=4)]


UNMEASURED = 'not measured'


def one_line(text):
    return ' '.join(text.split()).replace('|', '/')[:200]


BLOCKS = {
    'targets': Block((), targets_block),
    'limit': Block(('limit',), limit_block),
    'tcp': Block(('tcp',), tcp_block),
    'handoff': Block(('limit',), handoff_block),
    'peers': Block(('peers',), peers_block),
    'steady': Block(('steady',), steady_block),
    'awake': Block(('awake',), awake_block),
    'spawn': Block(('spawn',), spawn_block),
    'instructions': Block(('instructions',), instructions_block),
    'floors': Block(('floors',), floors_block),
    'growth': Block(('growth',), growth_block),
    'recovery': Block(('recovery',), recovery_block),
    'aof': Block(('aof',), matrix_block('aof', 'appendfsync', 'appendfsync')),
    'payload': Block(('payload',), matrix_block('payload', 'payload', 'payload', payload_name)),
    'agents': Block(('agents',), matrix_block('agents', 'agents', 'agents')),
    'partitions': Block(('partitions',), matrix_block('partitions', 'partitions', 'partitions')),
    'source': Block(('source',), source_block),
    'steps': Block((), steps_block),
}


def written(results, name):
    """The block's text; where a step has no result, a line that says so and nothing old."""
    block = BLOCKS[name]
    for step in block.steps:
        if not results.measured(step):
            why = results.why_not(step)
            return "Not measured%s: `make perf-report PERF='--only %s'`.\n" % (
                ', for the step failed (%s)' % one_line(why) if why else '', step)
    try:
        return '\n'.join(block.write(results)) + '\n'
    except (KeyError, IndexError, TypeError, ValueError) as error:
        return 'Not measured: the result lacks something (%s).\n' % one_line(repr(error))
