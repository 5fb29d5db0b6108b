#!/bin/sh
# SPDX-License-Identifier: MIT
# reeve bench --spawn: tasks that are processes, beside posix_spawn, make and ninja.
# shellcheck disable=SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
command -v redis-server >/dev/null || skip 'no redis-server'
command -v make >/dev/null || skip 'no make'
TMPDIR=$work
export TMPDIR

"$top/reeve" bench --spawn --json --scale 0.004 --repeat 1 >"$work/spawn.json" \
	2>>"$work/bench.log"
ninja=$(command -v ninja || :)
export ninja
perl -MJSON::PP -e '
	my $b = decode_json(do { local $/; <STDIN> });
	my %tasks = (W1 => 40, W1b => 40, W2 => 4, W3 => 60, W4 => 16);
	my $o = $b->{options};
	die "options" unless $o->{agents} == 2 && $o->{slots} == 16 && $o->{at_a_time} == 2;
	for my $w (@{$b->{workloads}}) {
		my $name = $w->{workload};
		die "$name: tasks" unless $w->{tasks} == delete $tasks{$name};
		for my $side (qw(bare make ninja reeve)) {
			if ($side eq "ninja" && !$ENV{ninja}) {
				die "$name: ninja is missing" if $w->{ninja};
				next;
			}
			die "$name $side: rate" unless $w->{$side}{tasks_per_s}{median} > 0;
			die "$name: ratio" unless $side eq "reeve" || $w->{ratio}{$side} > 0;
		}
		die "$name: calls" unless $w->{reeve}{redis_calls_per_task}{median} >= 2;
		die "$name: agent" unless $w->{reeve}{agent_cpu_us_per_task}{median} > 0;
	}
	die "missing: ", join " ", keys %tasks if %tasks;
' <"$work/spawn.json" || fail 'the JSON of processes'
table=$("$top/reeve" bench --spawn --workload W4 --scale 0.004 --repeat 1 --agents 1 \
	--slots 1 --tcp 2>>"$work/bench.log")
has spawned "$table" 'reeve: 1 agents of 1 slots, TCP'
has spawned "$table" 'W4 '

code=0
"$top/reeve" bench --spawn --slots 65 2>"$work/wrong" || code=$?
is 'too many slots' "$code" 2
has 'too many slots' "$(cat "$work/wrong")" '--slots takes a number from 1 to 64'

# nothing is left behind
is 'left behind' "$(ls -d "$work"/reeve-bench-* 2>/dev/null)" ''
is 'still running' "$(pgrep -f "$work/reeve-bench-" || :)" ''
