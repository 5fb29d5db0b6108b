#!/bin/sh
# SPDX-License-Identifier: MIT
# reeve bench --growth and --recovery measure each size, say so as a table and as JSON,
# and leave nothing behind.
# shellcheck disable=SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
command -v redis-server >/dev/null || skip 'no redis-server'
TMPDIR=$work
export TMPDIR

"$top/reeve" bench --growth --max 100 --recovery 300,1k --scale 0.005 --repeat 1 --json \
	>"$work/out.json" 2>"$work/bench.log"
perl -MJSON::PP -e '
	my $b = decode_json(do { local $/; <STDIN> });
	my %want = map { $_ => 1 } qw(agents-10 agents-100 runs-1 runs-10 runs-100 dag-10
	    dag-100 idle-1 idle-10 idle-100);
	for my $g (@{$b->{growth}}) {
		my $name = "$g->{kind}-$g->{n}";
		die "$name: unexpected" unless delete $want{$name};
		for my $key (qw(tasks_per_s rss_anon_bytes redis_bytes redis_calls_per_task
		    redis_cpu_us_per_task reeved_cpu_us_per_task)) {
			die "$name: $key" unless $g->{$key} > 0;
		}
		die "$name: beats" if $g->{beats_per_s} && $g->{kind} ne "agents";
	}
	die "missing: ", join " ", keys %want if %want;
	die "workloads" if @{$b->{workloads}};
	my @sizes = map { $_->{n} } @{$b->{recovery}};
	die "sizes: @sizes" unless "@sizes" eq "300 1000";
	for my $r (@{$b->{recovery}}) {
		for my $key (qw(ready_s first_task_s rss_anon_bytes rss_peak_bytes)) {
			die "recovery of $r->{n}: $key" unless $r->{$key} > 0;
		}
	}
	die "idle" unless $b->{idle_rss_anon_bytes} > 0;
	die "a live task" unless exists $b->{bytes_per_live_task};
' <"$work/out.json" || fail 'the JSON'

table=$("$top/reeve" bench --growth live --max 1000 --scale 0.01 --recovery 50 --repeat 1 \
	--appendfsync no 2>>"$work/bench.log")
has table "$table" 'live       1,000'
has table "$table" 'live tasks'
has table "$table" 'idle: RssAnon'
has_not table "$table" 'raw tasks/s'

for wrong in '--growth height' '--max 5' '--recovery 1' '--recovery many'; do
	code=0
	# shellcheck disable=SC2086
	"$top/reeve" bench $wrong 2>"$work/wrong" || code=$?
	is "$wrong" "$code" 2
done
has 'unknown kind' "$("$top/reeve" bench --growth height 2>&1 || :)" 'called "height"'

# a signal ends it, and all that it started
start stopped "$top/reeve" bench --growth runs --max 1 --scale 0.01 --repeat 1000
wait_until 20 grep -q '1/1000' "$work/stopped.log"
kill -INT "$pid"
ended "$pid" 30
is 'interrupted' "$code" 130
is 'left behind' "$(ls -d "$work"/reeve-bench-* 2>/dev/null)" ''
is 'still running' "$(pgrep -f "$work/reeve-bench-" || :)" ''
