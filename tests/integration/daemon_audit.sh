#!/bin/sh
# SPDX-License-Identifier: MIT
# Somebody damages what Redis holds, case by case: the auditor sees it, repairs it, counts
# it and tells; doctor sees it without touching anything.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

REEVE_AUDIT_INTERVAL=50ms
export REEVE_AUDIT_INTERVAL
start_daemon
drop pair.yaml <<YAML
name: pair
on: manual
defaults: {agent: shell}
tasks:
  - {id: a, run: "echo k=v >>\$REEVE_OUTPUT_FILE"}
  - {id: w, needs: [a], run: "until [ -e '$work/go' ]; do perl -e 'select undef, undef, undef, 0.05'; done"}
  - {id: b, needs: [a, w], run: "true"}
YAML
drop idle.yaml <<YAML
name: idle
on: manual
tasks: [{id: t, agent: nobody, payload: {}}]
YAML
wait_until 10 reeve workflows show pair
wait_until 10 reeve workflows show idle
key='reeve:{0}:'

repairs() {
	metric "reeve_audit_repairs_total{kind=\"$1\"}"
}
repaired() {
	[ "$(repairs "$1")" -ge "$2" ]
}
repairs_in_all() {
	api /metrics | perl -ne '$n += $1 if /^reeve_audit_repairs_total\S* (\d+)/; END { print $n + 0, "\n" }'
}
audits_more() {
	[ "$(metric reeve_audit_passes_total)" -ge "$1" ]
}
# audited: everything was compared three times from here on
audited() {
	wait_until 10 audits_more $(($(metric reeve_audit_passes_total) + 3))
}

# --- nothing is wrong: nothing is found, while work goes on -----------------------------
agent A shell --allow-run
submit pair
wait_until 10 task_is "$run" w running
live=$run
submit idle
idle=$run
audited
is 'repairs of what is sound' "$(repairs_in_all)" 0

# --- streams ------------------------------------------------------------------------------
entry() {
	redis --json XREVRANGE "${key}q:nobody" + - COUNT 1 | jq -r '.[0][0]'
}
first=$(entry)
redis XDEL "${key}q:nobody" "$first" >/dev/null
wait_until 10 repaired entry_gone 1
another_entry() {
	[ "$(entry)" != null ] && [ "$(entry)" != "$first" ]
}
wait_until 10 another_entry
is 'attempt' "$(redis --json XREVRANGE "${key}q:nobody" + - COUNT 1 | jq -r '.[0][1][5]')" 2
has 'the event' "$(events alert.audit)" entry_gone

redis XADD "${key}q:nobody" '*' run r task t attempt 1 token 0123456789abcdef kind prompt \
	body x meta '{}' >/dev/null
wait_until 10 repaired entry_unknown 1
one_entry() {
	[ "$(redis XLEN "${key}q:nobody")" = 1 ]
}
wait_until 10 one_entry

# an entry of another, delivered and deleted: only the pending list names it
redis EVAL "redis.call('XADD', KEYS[1], '*', 'foreign', '1')
	redis.call('XREADGROUP', 'GROUP', 'nobody_consumers', 'Z', 'COUNT', '10', 'STREAMS', KEYS[1], '>')
	local all = redis.call('XRANGE', KEYS[1], '-', '+')
	redis.call('XDEL', KEYS[1], all[#all][1]) return #all" 1 "${key}q:nobody" >/dev/null
wait_until 10 repaired pending_unknown 1
one_pending() {
	[ "$(redis XPENDING "${key}q:nobody" nobody_consumers | head -n 1)" = 1 ]
}
wait_until 10 one_pending

redis XGROUP DESTROY "${key}q:nobody" nobody_consumers >/dev/null
wait_until 10 repaired group 1
has_group() {
	redis XINFO GROUPS "${key}q:nobody" | grep -q nobody_consumers
}
wait_until 10 has_group
reeve cancel "$idle" >/dev/null

# --- sets and the cursor ---------------------------------------------------------------------
redis HDEL "${key}live" "$live" >/dev/null
wait_until 10 repaired live_missing 1
back_in_live() {
	[ "$(redis HEXISTS "${key}live" "$live")" = 1 ]
}
wait_until 10 back_in_live
redis HSET "${key}live" "$idle" "" >/dev/null
wait_until 10 repaired live_unknown 1
gone_from_live() {
	[ "$(redis HEXISTS "${key}live" "$idle")" = 0 ]
}
wait_until 10 gone_from_live
redis SADD "${key}cancel" 0123456789abcdef >/dev/null
wait_until 10 repaired cancel_unknown 1
not_cancelled() {
	[ "$(redis SISMEMBER "${key}cancel" 0123456789abcdef)" = 0 ]
}
wait_until 10 not_cancelled
cursor=$(redis GET "${key}cursor")
redis SET "${key}cursor" 99999999999999-7 >/dev/null
wait_until 10 repaired cursor 1
cursor_is_back() {
	[ "$(redis GET "${key}cursor")" = "$cursor" ]
}
wait_until 10 cursor_is_back

# --- records: what was rewritten is read by the next daemon ------------------------------------
record=$(redis HGET "${key}run:$live" 0)
redis HSET "${key}run:$live" 0 'no record' >/dev/null
wait_until 10 repaired task_record 1
record_is_back() {
	[ "$(redis HGET "${key}run:$live" 0)" = "$record" ]
}
wait_until 10 record_is_back
redis DEL "${key}def:$(redis HGET "${key}run:$live" r | cut -d, -f14)" >/dev/null
wait_until 10 repaired definition 1
redis DEL "${key}run:$live" >/dev/null
wait_until 10 repaired run_record 1
run_is_back() {
	[ "$(redis HGET "${key}run:$live" 0)" = "$record" ] && [ -n "$(redis HGET "${key}run:$live" r)" ]
}
wait_until 10 run_is_back
before=$(repairs_in_all)
audited
is 'repairs of what was repaired' "$(repairs_in_all)" "$before"
kill_daemon
: >"$work/go"
REEVE_AUDIT_INTERVAL=0 start_daemon
wait_until 20 run_is "$live" succeeded

# --- doctor looks, and changes nothing ------------------------------------------------------------
doctor_finds() {
	"$top/reeve" doctor --json | jq -r '.findings[].kind' | grep -qx "$1"
}
submit idle
wait_until 10 task_is "$run" t queued
redis HSET "${key}live" "$live" "" >/dev/null
redis HSET "${key}run:1hf7yatz8v7eg6j0cs3-0" r x >/dev/null
redis XDEL "${key}q:nobody" "$(entry)" >/dev/null
try doctor
is 'exit code of doctor' "$code" 1
for word in 'deleted from its task stream' 'neither among the live nor among the ended' \
	'names one that has ended' "$live" 1hf7yatz8v7eg6j0cs3-0; do
	has 'doctor' "$out" "$word"
done
doctor_finds entry_gone || fail 'doctor --json: no entry_gone'
is 'repairs by doctor' "$(repairs_in_all)" 0
is 'what doctor left' "$(redis HEXISTS "${key}live" "$live")" 1
stop_daemon
