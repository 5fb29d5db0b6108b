#!/bin/sh
# SPDX-License-Identifier: MIT
# What doc/runbook.md says of symptoms and of mending is so: the lock, a malformed
# completion, a foreign key, backup and restore.
. "${srcdir:-.}/tests/integration/lib.sh"
[ -x "$top/reeved" ] || skip 'reeved is not built'
export XDG_STATE_HOME="$work/state" REEVE_QUICKSTART_BUILD="$top"
state=$XDG_STATE_HOME/reeve-quickstart
quickstart=$src/contrib/quickstart
redis_socket=$state/redis.sock
export REEVE_SOCKET="$state/reeve.sock"

stop_all() {
	"$quickstart" stop >>"$work/stop.log" 2>&1 || true
	cp "$state"/quickstart/*.log "$work/" 2>/dev/null || true
}
trap 'code=$?; stop_all; (exit $code); at_end' EXIT

# says TEXT: reeved's log holds it, and so does the runbook.
says() {
	grep -qF -- "$1" "$src/doc/runbook.md" || fail "the runbook does not say '$1'"
	wait_until 10 grep -qF -- "$1" "$state/quickstart/reeved.log"
}

run_ids() {
	"$top/reeve" runs --json | grep -o '"id":"[^"]*"'
}

serves() {
	"$top/reeve" doctor >/dev/null 2>&1 || [ $? -eq 1 ]
}

fine() {
	"$top/reeve" doctor | grep -q ': ok$'
}

"$quickstart" start >"$work/start.log" 2>&1 || fail 'start'

# the state folder is locked
code=0
"$top/reeved" --state-dir "$state" --workflows "$state/workflows" --http off \
	>"$work/second.log" 2>&1 || code=$?
is 'a second reeved' "$code" 1
has 'a second reeved' "$(cat "$work/second.log")" 'uses the state folder'

# a completion that changes nothing
id=$(redis XADD 'reeve:{0}:done' '*' nonsense 1)
says 'completion not taken'
has 'its id' "$(grep 'completion not taken' "$state/quickstart/reeved.log")" "$id"
told() {
	redis XREVRANGE 'reeve:{0}:ev' + - COUNT 50 | grep alert.completion | grep -qF "$id"
}
wait_until 10 told

# a key of another kind where a type's stream should be
printf 'on: manual\ntasks: [{id: a, agent: nobody, prompt: x}]\n' >"$work/nobody.yaml"
redis SET 'reeve:{0}:q:nobody' foreign >/dev/null
"$top/reeve" run "$work/nobody.yaml" >/dev/null 2>&1 || true
says 'a key in redis is not what it should be: delete or rename it'
wait_until 10 "$top/reeve" run "$work/nobody.yaml" --idempotency-key k
"$top/reeve" run "$src/workflows/feature-development.yaml" --wait --timeout 30s >/dev/null ||
	fail 'the other types stand still'
redis RENAME 'reeve:{0}:q:nobody' foreign:key >/dev/null
queued() {
	[ "$(redis XLEN 'reeve:{0}:q:nobody')" -gt 0 ]
}
wait_until 20 queued

# backup while it runs; what came later is forgotten
redis CONFIG SET auto-aof-rewrite-percentage 0 >/dev/null
before=$(run_ids)
flushed() {
	redis INFO persistence | grep -q 'aof_pending_bio_fsync:0'
}
wait_until 10 flushed
cp -r "$state/redis/appendonlydir" "$work/backup"
redis CONFIG SET auto-aof-rewrite-percentage 100 >/dev/null
"$top/reeve" run "$src/workflows/hello.yaml" --wait --timeout 30s >/dev/null
[ "$(run_ids)" != "$before" ] || fail 'no new run'
"$quickstart" stop >"$work/stop.log" 2>&1
rm -rf "$state/redis/appendonlydir"
cp -r "$work/backup" "$state/redis/appendonlydir"
"$quickstart" start >>"$work/start.log" 2>&1 || fail 'start after the restore'
wait_until 10 serves
is 'the runs of the backup' "$(run_ids)" "$before"
"$top/reeve" run "$src/workflows/hello.yaml" --wait --timeout 30s >/dev/null ||
	fail 'no work after the restore'
wait_until 10 fine
