#!/bin/sh
# SPDX-License-Identifier: MIT
# What agents leave behind goes after a while; whoever lives or holds something stays.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
export REEVE_RETENTION_AGENTS=4s
q='reeve:{0}:q:work'

consumer() {
	redis XINFO CONSUMERS "$q" work_consumers | grep -qx "$1"
}
no_consumer() {
	! consumer "$1"
}
known() {
	[ "$(redis SISMEMBER 'reeve:{0}:agents' "$1")" = 1 ]
}
unknown() {
	! known "$1"
}
forgotten() {
	[ "$(metric reeve_agents_forgotten_total)" -ge "$1" ]
}
no_cancels() {
	[ "$(redis SCARD 'reeve:{0}:cancel')" = 0 ]
}

# a beat is far shorter than the silence that is allowed
cat >"$types/work.yaml" <<END
type: work
lease: 2s
END
cat >"$work/one.yaml" <<END
name: one
tasks: [{id: a, agent: work, run: "true"}]
END
start_daemon
agent dead work --allow-run
dead_pid=$agent_pid
agent alive work --allow-run
# shellcheck disable=SC2034
for n in 1 2 3 4; do
	"$top/reeve" run "$work/one.yaml" --wait >/dev/null || fail 'a run failed'
done
wait_until 10 known dead
wait_until 10 known alive
kill -KILL "$dead_pid"
wait_until 5 gone "$dead_pid"

# consumers that no card belongs to: one holds a task, one does not, one is the owner's
cat >"$work/held.yaml" <<END
name: held
tasks: [{id: a, agent: hold, run: "true"}]
END
submit "$work/held.yaml"
wait_until 10 task_is "$run" a queued
redis XREADGROUP GROUP hold_consumers holder COUNT 1 STREAMS 'reeve:{0}:q:hold' '>' >/dev/null
redis XGROUP CREATECONSUMER "$q" work_consumers idler >/dev/null
redis XGROUP CREATECONSUMER "$q" work_consumers reeve >/dev/null
redis SADD 'reeve:{0}:cancel' 0123456789abcdef >/dev/null

wait_until 20 forgotten 1
wait_until 10 unknown dead
wait_until 10 no_consumer dead
wait_until 20 no_consumer idler
wait_until 20 no_cancels
is 'its card' "$(redis EXISTS 'reeve:{0}:agent:dead')" 0
is 'its beats' "$(redis HEXISTS 'reeve:{0}:beats' dead)" 0
# who lives and who holds something stays
wait_until 10 known alive
consumer reeve || fail 'the consumer of the owner went'
is 'the holder' "$(redis XINFO CONSUMERS 'reeve:{0}:q:hold' hold_consumers | grep -cx holder)" 1
is 'what it holds' "$(redis XPENDING 'reeve:{0}:q:hold' hold_consumers | head -n 1)" 1
"$top/reeve" run "$work/one.yaml" --wait >/dev/null || fail 'the living agent takes no task'

# settings of a type are published as long as its file is there
published() {
	[ "$(redis EXISTS "reeve:{0}:type:$1")" = 1 ]
}
unpublished() {
	! published "$1"
}
wait_until 10 published work
printf 'type: other\nlease: 3s\n' >"$types/other.yaml"
wait_until 10 published other
rm "$types/work.yaml"
wait_until 10 unpublished work
published other || fail 'the settings of another type went'
stop_daemon
rm "$types/other.yaml"
start_daemon
wait_until 10 unpublished other
stop_daemon
