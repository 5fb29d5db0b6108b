#!/bin/sh
# SPDX-License-Identifier: MIT
# doc/performance.md is in step with its plots, and its writer shows what was measured, says what
# was not, and leaves nothing old behind.
# shellcheck disable=SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
command -v python3 >/dev/null || skip 'no python3'
report=$src/tests/bench/report/report
sample=$src/tests/bench/report/sample

"$report" --check >"$work/check.log" 2>&1 || fail 'the page and its plots are not in step'

# A copy with an old plot and a number of old in a block.
page=$work/performance.md
mkdir "$work/performance"
cp "$src/doc/performance.md" "$page"
for plot in "$src"/doc/performance/*.svg; do
	[ ! -e "$plot" ] || cp "$plot" "$work/performance/"
done
echo '<svg/>' >"$work/performance/old.svg"
sed -i 's/^<!-- end:floors -->/the old number 4711\n&/' "$page"

"$report" --render --out "$sample" --page "$page" 2>"$work/report.log"
"$report" --check --page "$page" >"$work/check.log" 2>&1 || fail 'what was written is not in step'
text=$(cat "$page")
has ratio "$text" '| W1, of the raw limit | ≥ 0.5 | 0.50 | met |'
has missed "$text" '| W4, of the raw limit | ≥ 0.7 | 0.40 | **missed** |'
has 'hand-off' "$text" '| W2 hand-off p50 beside the raw one, unix socket | ≤ 1.4 | 1.50 | **missed** |'
has 'not measured' "$text" '| W2 hand-off p50 beside the raw one, TCP | ≤ 1.4 | – | not measured |'
has times "$text" '| W4, times BullMQ | ≥ 6 | 7.50 | met |'
has 'no such peer' "$text" '| W1, times Celery | ≥ 40 | – | not measured |'
has recovery "$text" '| < 5 s | 4.25 s | met |'
has bytes "$text" '| a live task besides texts | ≤ 200 bytes | 199 bytes | met |'
has steady "$text" '| hand-off p99 at 50 % load | ≤ 5 ms | 4.50 ms (raw 2.25 ms) | met |'
has awake "$text" '| the same, idle cores kept awake | ≤ 5 ms | 2.25 ms (raw 1.12 ms) | met |'
has 'a chain, awake' "$text" '| W2 hand-off p50 beside the raw one, unix socket, idle cores kept awake | ≤ 1.4 | 1.50 | **missed** |'
has spawn "$text" '| W1b, a process for each task, of bare posix_spawn | ≥ 0.7 | 0.61 | **missed** |'
has cpu "$text" "| CPU of \`reeved\` a task (HTTP aside), of Redis' own: W1b | ≤ 0.5 | 0.33 (4 of 12 us), and 1 for HTTP | met |"
has growth "$text" '| within 35 % | x 1.25 and 1.00 | met |'
has instructions "$text" '1,000,000 live tasks: instructions a task | within 10 % | +1.0 % | met |'
has 'more instructions' "$text" '1 to 10,000 live runs: instructions a task | within 10 % | +12.0 % | **missed** |'
has_not 'a quiet machine' "$text" 'The machine was'
has spread "$text" '| W2 | 1,000 | 5,000 [4,500..5,500] | 8,000 [7,200..8,800] | 0.62 |'
has row "$text" '| 10,000 | 69,000 | 5 | 12 | 2.100 | 6 MiB | 12 MiB |'
has failed "$text" 'Not measured, for the step failed (it ended with 1 and no result: the sample / fails)'
has skipped "$text" '- Celery, solo: not measured, it needs a package.'
has fault "$text" '- W3 of bullmq failed once: a sample'
has never "$text" "Not measured: \`make perf-report PERF='--only floors'\`."
has machine "$text" 'Measured on: 2 cores of a sample.'
has step "$text" '| 2026-01-02 03:04 UTC | 0123456789 | 1 % | 2 % | 12 s |'
has_not 'an old number' "$text" 4711
[ ! -e "$work/performance/old.svg" ] || fail 'an old plot stays'
for plot in limit peers handoff growth-live steady spawn; do
	[ -s "$work/performance/$plot.svg" ] || fail "no plot $plot"
done
has 'the hand-written text' "$text" '## What was found'

# A machine that did other things is told.
mkdir "$work/noisy"
sed 's/"busy": 0.01/"busy": 0.5/' "$sample/limit.json" >"$work/noisy/limit.json"
cp "$page" "$work/noisy.md"
"$report" --render --out "$work/noisy" --page "$work/noisy.md" 2>>"$work/report.log"
has 'a busy machine' "$(cat "$work/noisy.md")" 'The machine was busy with other things (up to 50 %'
sed 's/"stolen": 0.02/"stolen": 0.39/' "$sample/limit.json" >"$work/noisy/limit.json"
"$report" --render --out "$work/noisy" --page "$work/noisy.md" 2>>"$work/report.log"
has 'a shared machine' "$(cat "$work/noisy.md")" 'The machine was taken away (up to 39 % of it while'

# Twice is the same as once; what is out of step is seen.
cp "$page" "$work/once.md"
"$report" --render --out "$sample" --page "$page" 2>>"$work/report.log"
cmp "$page" "$work/once.md" || fail 'a second time differs'
rm "$work/performance/limit.svg"
! "$report" --check --page "$page" 2>"$work/fault" || fail 'a missing plot is not seen'
has 'the plot' "$(cat "$work/fault")" 'limit.svg, which is not there'
sed -i 's/^<!-- end:limit -->//' "$page"
! "$report" --check --page "$page" 2>"$work/fault" || fail 'a missing marker is not seen'
has 'the marker' "$(cat "$work/fault")" 'the markers of limit'

# What counts instructions prints text.
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$src/tests/bench/report" python3 - <<'END'
from steps import instructions
found = instructions(b"""a task            engine, ceiling           store, ceiling
W1                10000 of  15800       20000 of  40400 
live-1000          1234              45678
engine    1000 at live-1000,   1010 at live-1000000: +1.0 %
""")
assert found['acts'] == [{'act': 'W1', 'engine': 10000, 'engine_ceiling': 15800, 'store': 20000,
                          'store_ceiling': 40400}], found
assert [row['percent'] for row in found['flat']] == [1.0], found
try:
    instructions(b'skipped: no valgrind')
except ValueError:
    pass
else:
    raise SystemExit('a result without numbers')
END

# A step that fails is told and kept; one that has a result is not run again.
mkdir "$work/perf"
printf '#!/bin/sh\necho measuring >&2\necho "no such luck" >&2\nexit 1\n' >"$work/reeve"
chmod +x "$work/reeve"
! "$report" --top "$work" --only source --page "$work/once.md" 2>"$work/fails" ||
	fail 'a step that fails'
has failed "$(cat "$work/fails")" 'source: FAILED: it ended with 1 and no result: measuring; no such luck'
printf '#!/bin/sh\necho "{\\"workloads\\": [\\"$*\\"]}"\n' >"$work/reeve"
for name in limit tcp peers steady awake recovery growth spawn instructions aof payload agents partitions floors; do
	cp "$sample/limit.json" "$work/perf/$name.json"
done
"$report" --top "$work" --page "$work/once.md" 2>"$work/goes" || fail 'the rest'
has 'only what is left' "$(cat "$work/goes")" '[1/1] source: done'
says '(.failed | not) and (.result.workloads[0] | contains("--source"))' <"$work/perf/source.json" \
	>/dev/null || fail 'the result'
