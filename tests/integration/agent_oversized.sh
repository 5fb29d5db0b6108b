#!/bin/sh
# SPDX-License-Identifier: MIT
# Entries that are too large to be read, and reports that were forgotten after Redis had
# confirmed them: the agent works on, and says what it can.
# shellcheck disable=SC2016,SC2119,SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/agent_lib.sh"
start_redis
make_queue t

# put_large MEGABYTES FIELD VALUE...: an entry with a body of that size; sets $entry
put_large() {
	megabytes=$1
	shift
	entry=$(perl -e 'print "x" x (1048576 * $ARGV[0])' "$megabytes" |
		redis-cli -e -s "$redis_socket" -x XADD "${key}q:t" '*' "$@" body)
}

start_agent --type t --id a1 --allow-run --lease 1s --concurrency 2
put t before run true
before_entry=$entry
report "$token"
has before "$got" 'status=done'

# it can be reported where it says whose it is
large=$(token_of 1000)
put_large 40 run "$run_id" task large token "$large" attempt 1 kind prompt meta '{}'
large_entry=$entry
report "$large"
has large "$got" 'status=failed'
has large "$got" 'category=rejected'
has large "$got" 'too many to be read'
is 'reported once' "$(completion_of "$large" | grep -c ^status=)" 1

# and is passed by where it does not; what comes with it and after it is run
put_large 33 nonsense 1
put t beside run true
beside=$token
put_large 50 nonsense 1 token "$(token_of 1001)"
put t after run true
report "$beside"
has beside "$got" 'status=done'
report "$token"
has after "$got" 'status=done'
wait_until 10 grep -q 'malformed task entry.*34603' "$work/agent.log"
# looks go on beside them, and each is told of once
seen=$(redis INFO commandstats | sed -n 's/^cmdstat_evalsha:calls=\([0-9]*\),.*/\1/p')
many_beats() {
	[ "$(redis INFO commandstats | sed -n 's/^cmdstat_evalsha:calls=\([0-9]*\),.*/\1/p')" \
		-gt $((seen + 30)) ]
}
wait_until 10 many_beats
is 'each is told of once' "$(grep -c 'malformed task entry' "$work/agent.log")" 3
# when they are gone it is as before
for gone in $(redis --raw XRANGE "${key}q:t" "($large_entry" + | grep -E '^[0-9]{13}-[0-9]+$'); do
	redis XACK "${key}q:t" t_consumers "$gone" >/dev/null
done
settle t "$large_entry"
put t last run true
report "$token"
has last "$got" 'status=done'
settle t "$entry"

# the stream of completions is deleted before they were read: what is still pending is
# reported again two leases after it was confirmed
is 'the first is pending' "$(pending t)" 1
redis DEL "${key}done" >/dev/null
report "$(token_of 1)"
has before "$got" 'status=done'
settle t "$before_entry"
kill -TERM "$agent_pid"
ended "$agent_pid" 5
is exit "$code" 0
