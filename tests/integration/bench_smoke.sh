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
	my $o = $b->{options};
	die "options" unless $o->{transport}[0] eq "unix" && $o->{appendfsync}[0] eq "everysec";
	for my $w (@{$b->{workloads}}) {
		my $name = $w->{workload};
		die "$name: setting" unless $w->{agents} == 1 && $w->{payload} == 0 &&
		    $w->{partitions} == 1 && $w->{transport} eq "unix";
		die "$name: tasks" unless $w->{tasks} == delete $tasks{$name};
		for my $side (qw(reeve raw)) {
			die "$name $side: rate" unless $w->{$side}{tasks_per_s}{median} > 0;
			die "$name $side: xadd" unless $w->{$side}{commands}{xadd}{calls} >= 2;
			die "$name $side: hand-off"
			    unless !!$w->{$side}{handoff_p50_us}{median} == ($name eq "W2");
		}
		die "$name: memory" unless $w->{reeve}{reeved_rss_anon_mib}{median} > 0;
		my $http = $w->{reeve}{reeved_http_cpu_us_per_task}{median};
		die "$name: HTTP" unless $http > 0 && $http < $w->{reeve}{reeved_cpu_us_per_task}{median};
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

# options with several values: each combination, on both sides
"$top/reeve" bench --json --workload W1,W2,W4 --scale 0.01 --repeat 1 --agents 1,3 \
	--payload 0,1k --partitions 1,2 >"$work/matrix.json" 2>>"$work/bench.log"
perl -MJSON::PP -e '
	my $b = decode_json(do { local $/; <STDIN> });
	my %seen;
	for my $w (@{$b->{workloads}}) {
		my $point = join " ", map { $w->{$_} } qw(workload agents payload partitions);
		die "$point: twice" if $seen{$point}++;
		for my $side (qw(reeve raw)) {
			die "$point $side" unless $w->{$side}{tasks_per_s}{median} > 0;
		}
		die "$point: who trims"
		    if !!$w->{raw}{commands}{xpending} != ($w->{agents} > 1);
	}
	die "points: ", scalar keys %seen unless keys %seen == 24;
' <"$work/matrix.json" || fail 'the matrix'

# latencies under a steady load
"$top/reeve" bench --json --load 20,50 --agents 2 --payload 100 --scale 0.02 --repeat 2 \
	>"$work/load.json" 2>"$work/load.log"
is 'the capacity, before each repeat' "$(grep -c '^capacity ' "$work/load.log")" 2
perl -MJSON::PP -e '
	my $b = decode_json(do { local $/; <STDIN> });
	die "loads" unless @{$b->{steady}} == 2 && !@{$b->{workloads}};
	for my $s (@{$b->{steady}}) {
		die "setting" unless $s->{agents} == 2 && $s->{payload} == 100;
		my $rate = $s->{capacity_tasks_per_s} / 2 * $s->{load_percent} / 100;
		die "rate" unless abs($s->{runs_per_s} - $rate) < 1e-6;
		for my $side (qw(reeve raw)) {
			for my $what (qw(queue_wait_us handoff_us whole_us)) {
				my ($p50, $p99, $max) = map { $s->{$side}{$what}{$_}{median} } qw(p50 p99 max);
				die "$side $what" unless 0 < $p50 && $p50 <= $p99 && $p99 <= $max;
			}
			die "$side: a whole run" unless $s->{$side}{whole_us}{max}{max} >
			    $s->{$side}{handoff_us}{p50}{min};
		}
	}
' <"$work/load.json" || fail 'the steady load'

# idle cores are kept awake where this user may, and not by the programs that are measured
awake=/dev/cpu_dma_latency
if [ -w "$awake" ] && (: >"$awake") 2>/dev/null; then
	start awake "$top/reeve" bench --awake --json --workload W1b --scale 0.3 --repeat 1000
	wait_until 20 grep -q 'W1b  1/1000 reeve' "$work/awake.log"
	wait_until 20 pgrep -P "$pid" -x redis-server
	holders=$(find /proc/[0-9]*/fd -lname "$awake" 2>/dev/null | cut -d/ -f3)
	is 'who keeps them awake' "$(printf '%s\n' "$holders" | grep -cx "$pid")" 1
	for child in $(pgrep -P "$pid" -x redis-server; pgrep -P "$pid" -x reeved); do
		is "child $child" "$(printf '%s\n' "$holders" | grep -cx "$child")" 0
	done
	kill -INT "$pid"
	ended "$pid" 30
	has 'kept awake' "$("$top/reeve" bench --awake --workload W1b --scale 0.01 --repeat 1 \
		2>>"$work/bench.log")" 'submitted by name, idle cores awake;'
else
	code=0
	"$top/reeve" bench --awake --workload W1b --scale 0.01 2>"$work/wrong" || code=$?
	is 'not kept awake' "$code" 1
	has 'not kept awake' "$(cat "$work/wrong")" "cannot keep idle cores awake: $awake: "
fi
code=0
"$top/reeve" bench --spawn --awake 2>"$work/wrong" || code=$?
is 'processes, awake' "$code" 2
has 'processes, awake' "$(cat "$work/wrong")" 'none of --payload, --partitions and --awake'

code=0
"$top/reeve" bench --agents 0,1 2>"$work/wrong" || code=$?
is 'no agents' "$code" 2
has 'no agents' "$(cat "$work/wrong")" '--agents takes numbers from 1 to 64'

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
