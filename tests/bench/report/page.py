# SPDX-License-Identifier: MIT
"""The page: text by hand, blocks between markers from results, plots beside it."""
import os
import re
import xml.dom.minidom
from xml.parsers.expat import ExpatError

from blocks import BLOCKS, written
from plots import PLOTS

MARKER = re.compile(r'^<!-- (begin|end):([a-z-]+) -->$', re.MULTILINE)
IMAGE = re.compile(r'\]\(performance/([a-z-]+)\.svg\)')


def replaced(text, results):
    """The page's text with each block written anew."""
    for name in BLOCKS:
        begin, end = ('<!-- %s:%s -->\n' % (which, name) for which in ('begin', 'end'))
        if begin in text and end in text:
            text = text[:text.index(begin) + len(begin)] + '\n' + written(results, name) + \
                '\n' + text[text.index(end):]
    return text


def render(path, results):
    """Writes page and plots; a plot that is no longer shown goes away."""
    with open(path) as file:
        text = replaced(file.read(), results)
    folder = path[:-len('.md')]
    os.makedirs(folder, exist_ok=True)
    shown = set(IMAGE.findall(text))
    for name in shown:
        with open(os.path.join(folder, name + '.svg'), 'w') as out:
            out.write(PLOTS[name](results))
    for name in os.listdir(folder):
        if name.endswith('.svg') and name[:-4] not in shown:
            os.unlink(os.path.join(folder, name))
    with open(path + '.tmp', 'w') as out:
        out.write(text)
    os.rename(path + '.tmp', path)


def faults(path):
    """What is out of step: markers without their pair, plots without their file."""
    with open(path) as file:
        text = file.read()
    found = MARKER.findall(text)
    wrong = ['the markers of %s are not begin and end, once each' % name for name in BLOCKS
             if [which for which, n in found if n == name] != ['begin', 'end']]
    if not wrong and [name for which, name in found if which == 'begin'] != \
            [name for which, name in found if which == 'end']:
        wrong.append('blocks lie in each other')
    wrong += ['nothing writes the block %s' % name for _, name in found if name not in BLOCKS]
    folder = path[:-len('.md')]
    shown = set(IMAGE.findall(text))
    there = {name[:-4] for name in os.listdir(folder) if name.endswith('.svg')} \
        if os.path.isdir(folder) else set()
    wrong += ['the page shows %s.svg, which is not there' % name for name in shown - there]
    wrong += ['%s.svg is shown nowhere' % name for name in there - shown]
    wrong += ['nothing draws %s.svg' % name for name in shown - set(PLOTS)]
    for name in shown & there:
        try:
            xml.dom.minidom.parse(os.path.join(folder, name + '.svg'))
        except ExpatError as error:
            wrong.append('%s.svg is no XML: %s' % (name, error))
    return wrong
