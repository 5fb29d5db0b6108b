# SPDX-License-Identifier: MIT
"""Plots as SVG: lines on linear or logarithmic axes, and bars, panel under panel.

    plot = Plot('A title')
    plot.lines('tasks/s', [Series('Reeve', [(1000, 70e3), (10000, 69e3)])], xlog=True)
    plot.bars('tasks/s', ['W1', 'W2'], [Series('Reeve', [(5, 4, 6), None])], log=True)
    text = plot.text()

One grey ink and colours of middle brightness, without a background: readable on light and
on dark pages alike.
"""
from collections import namedtuple
from math import ceil, floor, log10
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP = 720, 64, 14, 34
HEAD, GRAPH, FOOT = 30, 132, 34  # of a panel: title and legend, the graph, the axis
INK = '#7d7d7d'
COLORS = ('#3b82c4', '#d9760a', '#2f9e6e', '#cf4a4a', '#8a63c9', '#9a8426')

# values of lines: (x, y) pairs; of bars, one a group: (median, least, most) or None
Series = namedtuple('Series', 'name values dashed color')
Series.__new__.__defaults__ = (False, None)


def short(value):
    """1500 -> 1.5k; three digits"""
    value = float('%.3g' % value)
    for unit, size in (('G', 1e9), ('M', 1e6), ('k', 1e3)):
        if abs(value) >= size:
            return '%g%s' % (value / size, unit)
    return '%g' % value


class Axis:
    """Maps values to 0..1, and has ticks."""

    def __init__(self, values, log):
        self.log = log
        values = [value for value in values if value > 0 or not log] or [1]
        if log:
            self.low = floor(log10(min(values)) + 1e-9)
            self.high = max(ceil(log10(max(values)) - 1e-9), self.low + 1)
            self.ticks = [10.0 ** n for n in range(self.low, self.high + 1)]
        else:
            self.low, most = 0, max(max(values), 1e-9)
            step = nice_step(most / 4)
            self.high = ceil(most / step - 1e-9) * step
            self.ticks = [step * n for n in range(int(round(self.high / step)) + 1)]

    def at(self, value):
        if self.log:
            value = log10(value) if value > 0 else self.low
        return (value - self.low) / (self.high - self.low)


def nice_step(least):
    power = 10.0 ** floor(log10(least))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= least * (1 - 1e-9))


class Plot:
    def __init__(self, title):
        self.title, self.parts, self.y = title, [], TOP

    def _text(self, x, y, what, anchor='middle', more=''):
        self.parts.append('<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (
            x, y, anchor, more, escape(str(what))))

    def _path(self, path, color=INK, opacity=None, width=None, dashed=False):
        self.parts.append('<path d="%s" fill="none" stroke="%s"%s%s%s/>' % (
            path, color, ' stroke-opacity="%g"' % opacity if opacity else '',
            ' stroke-width="%g"' % width if width else '',
            ' stroke-dasharray="5 3"' if dashed else ''))

    def _frame(self, title, series, yaxis):
        """The panel's title, legend and horizontal lines; returns the graph's base line."""
        base = self.y + HEAD + GRAPH
        self._text(LEFT, self.y + 18, title, 'start', ' font-weight="bold"')
        x = WIDTH - RIGHT
        for one in reversed(series):
            self._text(x, self.y + 18, one.name, 'end')
            x -= 6.6 * len(one.name) + 22
            self._path('M%.1f %.1fh16' % (x, self.y + 14), one.color, width=3, dashed=one.dashed)
            x -= 12
        for tick in yaxis.ticks:
            y = base - yaxis.at(tick) * GRAPH
            self._path('M%d %.1fH%d' % (LEFT, y, WIDTH - RIGHT),
                       opacity=0.25 if tick != yaxis.ticks[0] else 0.8)
            self._text(LEFT - 6, y + 4, short(tick), 'end')
        self.y = base + FOOT
        return base

    def lines(self, title, series, xlog=False, ylog=False, xlabel=''):
        series = colored([one for one in series if one.values])
        points = [point for one in series for point in one.values]
        if not points:
            return
        xaxis, yaxis = Axis([x for x, _ in points], xlog), Axis([y for _, y in points], ylog)
        base = self._frame(title, series, yaxis)
        span = WIDTH - LEFT - RIGHT - 24

        def place(x, y):
            return LEFT + 12 + xaxis.at(x) * span, base - yaxis.at(y) * GRAPH

        for tick in xaxis.ticks if xlog else sorted({x for x, _ in points}):
            x = place(tick, yaxis.ticks[0])[0]
            self._path('M%.1f %.1fv4' % (x, base), opacity=0.8)
            self._text(x, base + 17, short(tick))
        if xlabel:
            self._text(WIDTH - RIGHT, base + 30, xlabel, 'end')
        for one in series:
            at = [place(x, y) for x, y in sorted(one.values)]
            self._path('M' + 'L'.join('%.1f %.1f' % p for p in at), one.color, width=1.6,
                       dashed=one.dashed)
            for x, y in at:
                self.parts.append('<circle cx="%.1f" cy="%.1f" r="2.6" fill="%s"/>' % (
                    x, y, one.color))

    def bars(self, title, groups, series, log=False):
        series = colored([one for one in series if any(one.values)])
        if not series:
            return
        axis = Axis([v for one in series for value in one.values if value for v in value], log)
        base = self._frame(title, series, axis)
        room = (WIDTH - LEFT - RIGHT) / len(groups)
        wide = min(46.0, room * 0.84 / len(series))
        for g, group in enumerate(groups):
            middle = LEFT + room * (g + 0.5)
            self._text(middle, base + 17, group)
            for s, one in enumerate(series):
                if one.values[g]:
                    x = middle + (s - len(series) / 2) * wide
                    self._bar(x, wide - 2, base, axis, one.values[g], one.color)

    def _bar(self, x, wide, base, axis, value, color):
        top, low, high = (base - axis.at(v) * GRAPH for v in value)
        self.parts.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" '
                          'fill-opacity="0.8"/>' % (x, top, wide, max(base - top, 0.5), color))
        middle = x + wide / 2
        if low - high > 1:
            self._path('M%.1f %.1fV%.1f' % (middle, low, high), opacity=0.9)
        self._text(middle, min(top, high) - 3, short(value[0]), more=' font-size="9"')

    def text(self):
        head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" ' \
            'height="%d" font-family="sans-serif" font-size="12" fill="%s">' % (
                WIDTH, self.y, WIDTH, self.y, INK)
        title = escape(self.title)
        return '\n'.join([head, '<title>%s</title>' % title,
                          '<text x="%d" y="18" font-size="14" font-weight="bold">%s</text>' % (
                              LEFT, title)] + self.parts + ['</svg>\n'])


def colored(series):
    return [one if one.color else one._replace(color=COLORS[i % len(COLORS)])
            for i, one in enumerate(series)]
