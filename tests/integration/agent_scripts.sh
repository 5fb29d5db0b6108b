#!/bin/sh
# SPDX-License-Identifier: MIT
# The agents' Lua scripts, each answer of each, straight against Redis.
# shellcheck disable=SC2016,SC2119,SC2154,SC2086
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/agent_lib.sh"
start_redis

# script NAME NKEYS WORD...: sets $got, elements of a list separated by blanks
script() {
	script_name=$1
	shift
	got=$(redis EVAL "$(cat "$src/src/wire/lua/$script_name.lua")" "$@" | paste -sd ' ')
}

a=0000000000000aaa b=0000000000000bbb
sign() {
	script signon 3 "${key}meta" "${key}agent:x" "${key}agents" x "$@"
}

# signon: without meta, with it, again, for another, too old, broken keys
sign $a 0 1 types t slots 2
is 'first sign-on' "$got" 'OK  '
is card "$(redis HGET "${key}agent:x" slots)" 2
is agents "$(redis SMEMBERS "${key}agents")" x
redis HSET "${key}meta" nonce n1 min_reader 1 >/dev/null
sign $a 1 1 types t
is again "$got" "OK n1 $a"
is 'the card is written anew' "$(redis HEXISTS "${key}agent:x" slots)" 0
sign $b 1 1 types t
is 'again, but another instance' "$got" "OTHER  $a"
is 'nothing written' "$(redis HGET "${key}agent:x" instance)" $a
sign $b 0 1 types t
is 'a new instance' "$got" "OK n1 $a"
redis HSET "${key}meta" min_reader 2 >/dev/null
sign $a 0 1 types t
is newer "$got" 'NEWER  '
is 'nothing written' "$(redis HGET "${key}agent:x" instance)" $b
redis HSET "${key}meta" min_reader 1 >/dev/null
redis SET wrong 1 >/dev/null
script signon 3 "${key}meta" wrong "${key}agents" x $a 0 1
is broken "$got" 'BROKEN  '

# beat
make_queue t
put t one run true
redis XREADGROUP GROUP t_consumers x COUNT 1 STREAMS "${key}q:t" '>' >/dev/null
first=$entry first_token=$token
head="${key}agent:x ${key}beats ${key}cancel ${key}done"
# beat INSTANCE CONSUMER ENTRY TOKEN FIRST
beat() {
	script beat 5 $head "${key}q:t" "$2" "$1" now t_consumers "$3" "$4" "$5" $run_id one 1
}
script beat 4 $head x $b now
is 'beat without attempts' "$got" OK
is counted "$(redis HGET "${key}beats" x)" 1
is 'seen at' "$(redis HGET "${key}agent:x" seen_at)" now
beat $b x "$first" "$first_token" 1
is 'beat' "$got" 'OK OK'
is started "$(redis XRANGE "${key}done" - + | grep -cx started)" 1
beat $b x "$first" "$first_token" 0
is 'second beat' "$got" 'OK OK'
is 'started once' "$(redis XLEN "${key}done")" 1
# progress goes behind all attempts; that of a lost one is not told
redis DEL "${key}done" >/dev/null
script beat 6 $head "${key}q:t" "${key}q:t" x $b now t_consumers "$first" "$first_token" 0 $run_id one 1 \
	t_consumers 9-9 "$first_token" 0 $run_id lost 1 1 '{"text":"x"}' 2 '{"text":"y"}' 3 '{}' nonsense '{}'
is 'with progress' "$got" 'OK OK LOST'
is 'one progress' "$(redis XLEN "${key}done")" 1
has 'its entry' "$(redis XRANGE "${key}done" - + | paste -sd ' ' -)" \
	"task one token $first_token status progress attempt 1 agent x progress {\"text\":\"x\"}"
beat $b x "$first" ffffffffffffffff 1
is 'another token' "$got" 'OK LOST'
beat $b x 9-9 "$first_token" 1
is 'no such entry' "$got" 'OK LOST'
redis SADD "${key}cancel" "$first_token" >/dev/null
beat $b x "$first" "$first_token" 1
is cancelled "$got" 'OK CANCEL'
is 'not started' "$(redis XLEN "${key}done")" 1
is 'seven counted' "$(redis HGET "${key}beats" x)" 7
beat $a x "$first" "$first_token" 1
is 'another instance' "$got" OTHER
script beat 5 "${key}agent:none" "${key}beats" "${key}cancel" "${key}done" "${key}q:t" none $a now \
	t_consumers "$first" "$first_token" 1 $run_id one 1
is 'no card' "$got" NOCARD
script beat 4 "${key}agent:x" wrong "${key}cancel" "${key}done" x $b now
is broken "$got" BROKEN
is 'still seven' "$(redis HGET "${key}beats" x)" 7
redis XCLAIM "${key}q:t" t_consumers reeve 0 "$first" JUSTID >/dev/null
beat $b x "$first" "$first_token" 1
is 'claimed by the owner' "$got" 'OK LOST'
redis DEL nothing >/dev/null
script beat 5 $head nothing x $b now t_consumers "$first" "$first_token" 1 $run_id one 1
is 'no stream' "$got" 'OK LOST'
script beat 5 $head wrong x $b now t_consumers "$first" "$first_token" 1 $run_id one 1
is 'no stream at all' "$got" 'OK LOST'
# a group that somebody destroyed: the agent works on, the owner gives the entry back to it
lone=$(redis XADD "${key}q:lone" '*' run $run_id task one token aaaabbbbccccdddd)
# alone TOKEN FIRST
alone() {
	script beat 5 $head "${key}q:lone" x $b now lone_consumers "$lone" "$1" "$2" $run_id one 1
}
redis DEL "${key}done" >/dev/null
alone aaaabbbbccccdddd 1
is 'no group' "$got" 'OK UNOWNED'
is 'started is told all the same' "$(redis XLEN "${key}done")" 1
alone 0000111122223333 0
is 'no group, another token' "$got" 'OK LOST'
# another agent has made it again: nothing is pending
redis XGROUP CREATE "${key}q:lone" lone_consumers '$' >/dev/null
alone aaaabbbbccccdddd 0
is 'a new group' "$got" 'OK UNOWNED'
redis SADD "${key}cancel" aaaabbbbccccdddd >/dev/null
alone aaaabbbbccccdddd 0
is 'a new group, cancelled' "$got" 'OK CANCEL'
redis SREM "${key}cancel" aaaabbbbccccdddd >/dev/null
redis XGROUP SETID "${key}q:lone" lone_consumers 0 >/dev/null
alone aaaabbbbccccdddd 0
is 'it will be delivered again' "$got" 'OK LOST'
redis XGROUP SETID "${key}q:lone" lone_consumers '$' >/dev/null
redis XCLAIM "${key}q:lone" lone_consumers x 0 "$lone" FORCE JUSTID >/dev/null
alone aaaabbbbccccdddd 0
is 'given back' "$got" 'OK OK'
redis XACK "${key}q:lone" lone_consumers "$lone" >/dev/null
redis XDEL "${key}q:lone" "$lone" >/dev/null
alone aaaabbbbccccdddd 0
is 'lost by the owner' "$got" 'OK LOST'
redis DEL "${key}done" >/dev/null

# report
put t two run true
redis XREADGROUP GROUP t_consumers x COUNT 1 STREAMS "${key}q:t" '>' >/dev/null
# told ENTRY TOKEN
told() {
	script report 2 "${key}done" "${key}q:t" t_consumers "$1" x "$2" run r task two token "$2" status 'done'
}
redis DEL "${key}done" >/dev/null
told "$entry" "$token"
is report "$got" OK
told "$entry" ffffffffffffffff
is 'wrong token' "$got" LOST
settle t "$entry"
told "$entry" "$token"
is 'settled' "$got" LOST
is 'added all the same' "$(redis XLEN "${key}done")" 3
is fields "$(redis XRANGE "${key}done" - + COUNT 1 | tail -n 8 | paste -sd ' ')" \
	"run r task two token $token status done"
script report 2 wrong "${key}q:t" t_consumers "$entry" x "$token" run r
is broken "$got" BROKEN
redis CONFIG SET maxmemory 1 >/dev/null
told "$entry" "$token"
is 'full memory' "$got" LOST
is 'added when full' "$(redis XLEN "${key}done")" 4

# reports: several in one call, in full memory too; a broken one does not hold up the others
redis DEL "${key}done" >/dev/null
script reports 1 "${key}done" 4 run a token t1 2 run b 3 run c odd 2 run d
is reports "$got" 'OK OK BROKEN OK'
is 'all but the broken one' "$(redis XLEN "${key}done")" 3
is 'in order' "$(redis XRANGE "${key}done" - + | grep -v -- - | paste -sd ' ')" \
	'run a token t1 run b run d'
script reports 1 "${key}done" 9 run a
is 'words are missing' "$got" BROKEN
script reports 1 "${key}done" 2 run a 4000000000 run b
is 'too many words' "$got" 'OK BROKEN'
script reports 1 "${key}done" 2 run a -3 run b
is 'a negative number' "$got" 'OK BROKEN'
script reports 1 "${key}done" 2 run a x 2 run b
is 'no number' "$got" 'OK BROKEN OK'
is 'added what was sound' "$(redis XLEN "${key}done")" 7
script reports 1 wrong 2 run a 2 run b
is 'of another type' "$got" 'BROKEN BROKEN'
script reports 1 "${key}done"
is 'none' "$got" ''
code=0
script log 1 l 60 10 100 0 1-1 o x 2>/dev/null || code=$?
is 'no log when full' "$(redis EXISTS l)" 0
redis CONFIG SET maxmemory 0 >/dev/null

# log: added, sent again, at its limits, broken
script log 1 l 60 4 100 0 1-1 o abc 1-2 e de
is log "$got" 'OK 5'
is 'log fields' "$(redis XRANGE l - + | paste -sd ' ')" '1-1 s o d abc 1-2 s e d de'
[ "$(redis TTL l)" -gt 50 ] || fail 'no expiry'
script log 1 l 60 4 100 0 1-1 o abc 1-2 e de
is 'sent again' "$got $(redis XLEN l)" 'OK 5 2'
script log 1 l 60 4 10 5 2-1 o abcde 2-2 o f
is 'bytes full' "$got $(redis XLEN l)" 'FULL 10 3'
script log 1 l 60 4 100 10 3-1 o a 3-2 o b
is 'entries full' "$got $(redis XLEN l)" 'FULL 11 4'
script log 1 wrong 60 4 100 0 1-1 o a
is broken "$got" 'BROKEN 0'

# signoff: another's card, pending entries keep the consumer, gone
put t three run true
redis XREADGROUP GROUP t_consumers x COUNT 1 STREAMS "${key}q:t" '>' >/dev/null
leave() {
	script signoff 4 "${key}agent:x" "${key}agents" "${key}beats" "${key}q:t" x "$1" t_consumers
}
consumer() {
	redis XINFO CONSUMERS "${key}q:t" t_consumers | grep -cx x || true
}
leave $a
is "another's" "$got" OTHER
is 'card stays' "$(redis EXISTS "${key}agent:x")" 1
leave $b
is leaves "$got" OK
is 'card, set, beats' "$(redis EXISTS "${key}agent:x" "${key}agents" "${key}beats")" 0
is 'consumer with pending entries stays' "$(consumer)" 1
is 'so do its entries' "$(pending t)" 2
settle t "$entry"
sign $b 0 1 types t
leave $b
is 'consumer goes' "$(consumer)" 0
script signoff 4 "${key}agent:x" wrong "${key}beats" "${key}q:t" x $b t_consumers
is broken "$got" BROKEN
sign $b 0 1 types t
script signoff 4 "${key}agent:x" "${key}agents" "${key}beats" nothing x $b t_consumers
is 'no stream' "$got" OK
