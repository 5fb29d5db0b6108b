#!/bin/sh
# SPDX-License-Identifier: MIT
# reeve bench --floors measures each floor, says whether it is met, and exits accordingly.
# shellcheck disable=SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
command -v redis-server >/dev/null || skip 'no redis-server'
TMPDIR=$work
export TMPDIR

code=0
"$top/reeve" bench --floors --json --scale 0.02 >"$work/out.json" 2>"$work/bench.log" || code=$?
# how fast is another matter on a busy machine; what is not a matter of speed is met
perl -MJSON::PP -e '
	my $b = decode_json(do { local $/; <STDIN> });
	my @names = qw(throughput latency end_to_end lag join dead_letter recovery redis
	    reassigned delivered kept);
	my $missed = 0;
	die "workloads" if @{$b->{workloads}};
	for my $f (@{$b->{floors}}) {
		my $name = shift @names;
		die "$f->{floor}, not $name" unless $f->{floor} eq $name;
		die "$name: $f->{value}" unless $f->{value} > 0;
		my $met = $f->{bound} eq "least" ? $f->{value} >= $f->{limit} : $f->{value} < $f->{limit};
		die "$name: met?" if !!$met != !!$f->{met};
		$missed ||= !$met;
		die "$name: $f->{value}" if $name eq "delivered" && $f->{value} != 100;
		die "$name: $f->{value}" if $name eq "kept" && $f->{value} != 24;
		# what dead agents held came back by itself, and not before their lease was over
		die "$name: $f->{value}" if $name eq "reassigned" && $f->{value} < 5;
	}
	die "missing: @names" if @names;
	die "exit $ARGV[0]" unless $ARGV[0] == ($missed ? 1 : 0);
' "$code" <"$work/out.json" || fail "the floors: $(cat "$work/out.json" "$work/bench.log")"
is 'left behind' "$(ls -d "$work"/reeve-bench-* 2>/dev/null)" ''
is 'still running' "$(pgrep -f "$work/reeve-bench-" || :)" ''
