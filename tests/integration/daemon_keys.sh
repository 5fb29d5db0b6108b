#!/bin/sh
# SPDX-License-Identifier: MIT
# Somebody puts other things in the place of keys: a task stream holds up its agent type
# alone until it is mended, a run whose hash is gone is the only one that ends by it.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
key='reeve:{0}:'
start_redis
start_daemon
for name in kept lost; do
	drop $name.yaml <<YAML
name: $name
on: manual
tasks: [{id: t, agent: shell, run: "until [ -e '$work/go' ]; do perl -e 'select undef, undef, undef, 0.05'; done"}]
YAML
done
drop waits.yaml <<YAML
name: waits
on: manual
tasks: [{id: t, agent: nobody, payload: {}}]
YAML
for name in kept lost waits; do
	wait_until 10 reeve workflows show $name
done
agent A shell --allow-run --concurrency 2

# --- a task stream: the run is accepted, and waits with a reason -----------------------------
redis SET "${key}q:nobody" foreign >/dev/null
submit waits
waits=$run
says_why() {
	reeve why "$waits" 2>/dev/null | grep -q "the stream of agent type nobody in Redis is not what it should be"
}
wait_until 10 says_why
has 'the key in the log' "$(cat "$reeved_log")" "key=${key}q:nobody"

# --- a run: others in the same commits, before and behind, are done ---------------------------
submit lost
lost=$run
wait_until 10 task_is "$lost" t running
submit kept
kept=$run
wait_until 10 task_is "$kept" t running
redis SET "${key}run:$lost" foreign >/dev/null
: >"$work/go"
wait_until 10 run_is "$kept" succeeded
forgotten() {
	[ "$(curl -s -o "$work/answer" -w '%{http_code}' --unix-socket "$REEVE_SOCKET" \
		"http://localhost/api/v1/runs/$lost")" = 404 ]
}
wait_until 10 forgotten
# (a read finds no run there at once, the commit only when its task has ended)
wait_until 10 grep -qF "key=${key}run:$lost" "$reeved_log"
is 'what stands there' "$(redis GET "${key}run:$lost")" foreign
submit kept
wait_until 10 run_is "$run" succeeded

# --- mended -----------------------------------------------------------------------------------
redis DEL "${key}q:nobody" >/dev/null
queued() {
	[ "$(redis XLEN "${key}q:nobody")" = 1 ]
}
wait_until 20 queued
is 'the run that waited' "$(task "$waits" t .status)" queued
