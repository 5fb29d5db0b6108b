#!/bin/sh
# SPDX-License-Identifier: MIT
# reeve bench measures every workload and prints a table and JSON; nothing is left behind.
# shellcheck disable=SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
command -v redis-server >/dev/null || skip 'no redis-server'
TMPDIR=$work
export TMPDIR

"$top/reeve" bench --json --scale 0.01 --repeat 1 >"$work/out.json" 2>"$work/bench.log"
perl -MJSON::PP -e '
	my $b = decode_json(do { local $/; <STDIN> });
	my %tasks = (W1 => 100, W1b => 100, W2 => 10, W3 => 120, W4 => 40);
	die "transport" unless $b->{transport} eq "unix" && $b->{appendfsync} eq "everysec";
	for my $w (@{$b->{workloads}}) {
		my $name = $w->{workload};
		die "$name: tasks" unless $w->{tasks} == delete $tasks{$name};
		for my $side (qw(reeve raw)) {
			die "$name $side: rate" unless $w->{$side}{tasks_per_s}{median} > 0;
			die "$name $side: xadd" unless $w->{$side}{commands}{xadd}{calls} >= 2;
			die "$name $side: hand-off"
			    unless !!$w->{$side}{handoff_p50_us}{median} == ($name eq "W2");
		}
		die "$name: memory" unless $w->{reeve}{reeved_rss_anon_mib}{median} > 0;
		die "$name: ratio" unless $w->{ratio}{tasks_per_s} > 0;
	}
	die "missing: ", join " ", keys %tasks if %tasks;
' <"$work/out.json" || fail 'the JSON'
for line in 'W1 ' W1b W2 W3 W4; do
	has progress "$(cat "$work/bench.log")" "$line"
done

table=$("$top/reeve" bench --tcp --source --workload w4,W2 --scale 0.01 --repeat 2 \
	--appendfsync no 2>>"$work/bench.log")
has table "$table" 'TCP, appendfsync no, scale 0.01, submitted by source'
has table "$table" 'W4 '
has table "$table" 'hand-off, us'
has_not table "$table" W1b

code=0
"$top/reeve" bench --workload W9 2>"$work/wrong" || code=$?
is 'unknown workload' "$code" 2
has 'unknown workload' "$(cat "$work/wrong")" 'no workload "W9"'

# a signal ends it, and all that it started
start stopped "$top/reeve" bench --repeat 1000 --workload W1b
wait_until 20 grep -q 'W1b  1/1000 reeve' "$work/stopped.log"
kill -INT "$pid"
ended "$pid" 30
is 'interrupted' "$code" 130
is 'left behind' "$(ls -d "$work"/reeve-bench-* 2>/dev/null)" ''
is 'still running' "$(pgrep -f "$work/reeve-bench-" || :)" ''
