# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
# A fake owner made of redis-cli, and agents to talk to it.  Sourced after lib.sh.

run_id=01kaj2m4c3v9w8x7e6d-0
key='reeve:{0}:'
serial=0

# what a task does that waits: await FILE
cat >"$work/await" <<'END'
#!/bin/sh
exec perl -e '$f = shift; select undef, undef, undef, 0.02 until -e $f' "$1"
END
chmod +x "$work/await"

# a stream and its group, as the orchestrator makes them
make_queue() {
	redis XGROUP CREATE "${key}q:$1" "$1_consumers" 0 MKSTREAM >/dev/null
}

# token_of N: of the Nth task put
token_of() {
	# no other test that runs now has it: what shows a token is killed on the whole machine
	printf '%08x%08x' $$ "$1"
}

# put TYPE TASK KIND BODY [META]: hands out a task; sets $token and $entry.
put() {
	serial=$((serial + 1))
	token=$(token_of "$serial")
	meta=${5:-}
	entry=$(redis XADD "${key}q:$1" '*' run "$run_id" task "$2" attempt 1 \
		token "$token" kind "$3" body "$4" meta "${meta:-{\}}")
}

# start_agent [FLAG...]: sets $agent_pid; waits until it signed on.
start_agent() {
	: >"$work/agent.log"
	start agent "${REEVE_AGENT:-$top/reeve-agent}" --redis "$redis_url" "$@"
	agent_pid=$pid
	wait_until 10 grep -q '^ready ' "$work/agent.log"
}

# the fields of all completions of a token with a final status, one a line
completion_of() {
	redis --json XRANGE "${key}done" - + |
		perl -MJSON::PP -e '
			my ($token) = @ARGV;
			my $entries = decode_json(do { local $/; <STDIN> });
			my $coder = JSON::PP->new->canonical;
			for (@$entries) {
				my %f = @{ $_->[1] };
				next if $f{token} ne $token || $f{status} eq "started";
				print "$_=$f{$_}\n" for sort keys %f;
				print "\n";
			}' "$1"
}

reported() {
	[ -n "$(completion_of "$1")" ]
}

# report TOKEN: waits for its completion and sets $got to its fields.
report() {
	wait_until 15 reported "$1"
	got=$(completion_of "$1")
}

started_told() {
	redis XRANGE "${key}done" - + | grep -A30 "$1" | grep -qx started
}

# what the owner does with a reported task
settle() {
	redis XACK "${key}q:$1" "$1_consumers" "$2" >/dev/null
}

# log TASK: what a task wrote, both streams
log_of() {
	redis --json XRANGE "${key}log:$run_id:$1:1" - + |
		perl -MJSON::PP -e '
			my $entries = decode_json(do { local $/; <STDIN> });
			binmode STDOUT, ":utf8";
			for (@$entries) { my %f = @{ $_->[1] }; print $f{d}; }'
}

pending() {
	redis XPENDING "${key}q:$1" "$1_consumers" | head -n 1
}

# start_proxy: between agents and Redis; sets $proxy_url.
start_proxy() {
	mkfifo "$work/control"
	start proxy "$top/tests/integration/proxy" "$work/proxy.sock" "$redis_socket" \
		"$work/control"
	proxy_url=unix://$work/proxy.sock
	wait_until 5 grep -q ready "$work/proxy.log"
}

# tell_proxy LINE
tell_proxy() {
	echo "$1" >"$work/control"
}
