# SPDX-License-Identifier: MIT
"""Results of steps: one file of JSON each, and how figures in them are found and written.

A file holds {step, command, commit, changed, at, seconds, busy, stolen, machine, failed, result}:
the commit that was measured and whether files differed from it, the machine's load just before and
what the hypervisor took meanwhile (parts of all cores), the reason if there is no result.
"""
import json
import os


class Results:
    """By step's name: what its file holds."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {}
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if name.endswith('.json'):
                self.files[name[:-5]] = self._read(name)

    def _read(self, name):
        try:
            with open(os.path.join(self.folder, name)) as file:
                return json.load(file)
        except (OSError, ValueError) as error:
            return {'failed': 'its file cannot be read: %s' % error}

    def store(self, name, record):
        os.makedirs(self.folder, exist_ok=True)
        path = os.path.join(self.folder, name + '.json')
        with open(path + '.tmp', 'w') as out:
            json.dump(record, out, indent=1)
            out.write('\n')
        os.rename(path + '.tmp', path)
        self.files[name] = record

    def measured(self, name):
        return bool(self.files.get(name, {}).get('result'))

    def why_not(self, name):
        return self.files.get(name, {}).get('failed')

    def of(self, name):
        """The step's result; KeyError where there is none."""
        if not self.measured(name):
            raise KeyError(name)
        return self.files[name]['result']

    def workload(self, step, name, **setting):
        """The first measured workload of that name and setting."""
        for found in self.of(step)['workloads']:
            if found['workload'] == name and all(
                    found.get(key) == value for key, value in setting.items()):
                return found
        raise KeyError('%s of %s' % (name, step))


def median(spread):
    """Of {median, min, max}, or a number itself."""
    return spread['median'] if isinstance(spread, dict) else spread


def triple(spread):
    return (spread['median'], spread['min'], spread['max']) if isinstance(spread, dict) \
        else (spread,) * 3


def number(value):
    """Three digits, or all of them before the point."""
    if value is None:
        return '–'
    size = abs(value)
    if size >= 100 or size == 0 or value == int(value):
        return '{:,.0f}'.format(value)
    return '%.1f' % value if size >= 10 else '%.2f' % value


def spread(value):
    """median [min..max]"""
    if not isinstance(value, dict):
        return number(value)
    return '%s [%s..%s]' % tuple(number(value[key]) for key in ('median', 'min', 'max'))


def size(value):
    """Bytes for people."""
    for unit, power in (('GiB', 30), ('MiB', 20), ('KiB', 10)):
        if value >= 1 << power:
            return '%s %s' % (number(value / (1 << power)), unit)
    return '%d bytes' % value


def table(head, rows, left=1):
    """Markdown; the first columns to the left, the others to the right."""
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * left + '---:|' * (len(head) - left)]
    return '\n'.join(lines + ['| ' + ' | '.join(str(cell) for cell in row) + ' |'
                              for row in rows])
