#!/bin/sh
# SPDX-License-Identifier: MIT
# A task that failed for good leaves one dead letter, with its payload and the end of its
# log, which outlive run and log; letters are listed, shown, counted, analyzed, purged.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"

start_redis
start_daemon
cat >"$work/breaks" <<'END'
#!/bin/sh
echo "begin of $REEVE_TASK_ID"
perl -e 'print "line $_\n" for 1 .. 600'
echo "cannot open /var/data/$REEVE_RUN_ID/x.txt: error 17"
exit 3
END
chmod +x "$work/breaks"
agent B breaker --concurrency 4 -- "$work/breaks"
agent S shell --allow-run

cat >"$work/flow.yaml" <<'END'
name: flow
params: {what: string}
tasks:
  - {id: a, agent: breaker, prompt: "Do ${{ params.what }}", retry: {max_attempts: 2, delay: 10ms}}
  - {id: b, agent: shell, run: "exit 4"}
  - {id: c, agent: breaker, payload: {deep: [1, "${{ params.what }}"]}}
  - {id: d, agent: breaker, prompt: x, continue_on_error: true}
  - {id: e, agent: breaker, needs: [a], prompt: x}
END
submit "$work/flow.yaml" -p what=it
wait_until 20 run_is "$run" failed

# of TEXT FILTER [FLAG]: something of a JSON text
of() {
	printf '%s\n' "$1" | jq -r ${3:+"$3"} "$2"
}

letters() {
	api "/api/v1/dlq?$1" | jq '.items | length'
}
letters_are() {
	[ "$(letters "$1")" = "$2" ]
}
wait_until 5 letters_are '' 3
is 'open letters, as the run knows them' "$(redis HGET "reeve:{0}:run:$run" dl)" 3
is 'tasks' "$(api /api/v1/dlq | jq -r '[.items[].task] | sort | join(" ")')" 'a b c'
is 'no token' "$(redis XRANGE 'reeve:{0}:q:breaker:dlq' - + | grep -c '^token$' || true)" 0

id=$(api '/api/v1/dlq?type=breaker' | jq -r '.items[] | select(.task == "a") | .id')
letter=$(reeve dlq show "$id" --json)
is 'a letter' "$(of "$letter" '"\(.run) \(.task) \(.agent_type) \(.category) \(.attempts) \(.crashes) \(.replayed_as) \(.workflow) \(.agent)"')" \
	"$run a breaker exit 2 0 null flow B"
is 'its payload' "$(of "$letter" '"\(.payload.kind) \(.payload.body)"')" 'prompt Do it'
is 'its params' "$(of "$letter" '.payload.meta.params.what')" it
log_complete() {
	[ "$(reeve dlq show "$id" --json | jq -r '.log_tail' | grep -c "error 17")" = 1 ]
}
wait_until 5 log_complete
tail_len=$(reeve dlq show "$id" --json | jq '.log_tail | length')
if [ "$tail_len" -le 1900 ] || [ "$tail_len" -gt 2048 ]; then
	fail "log tail of $tail_len"
fi
is 'a payload as it was' "$(reeve dlq show "$(api '/api/v1/dlq' |
	jq -r '.items[] | select(.task == "c") | .id')" --json | jq -c .payload.body)" \
	'{"deep":[1,"it"]}'
has 'for people' "$(reeve dlq show "$id")" 'Do it'

# run and log are gone: the letter is whole
redis DEL "reeve:{0}:run:$run" "reeve:{0}:log:$run:a:1" "reeve:{0}:log:$run:a:2" >/dev/null
letter=$(reeve dlq show "$id" --json)
is 'its payload without the run' "$(of "$letter" .payload.body)" 'Do it'
has 'its log without the log' "$(of "$letter" .log_tail)" 'line '

# filters
is 'by category' "$(letters category=exit)" 3
is 'by another' "$(letters category=timeout)" 0
is 'by workflow' "$(letters workflow=flow)" 3
is 'by run' "$(letters "run=$(echo "$run" | cut -c1-10)")" 3
is 'by age' "$(letters older_than=1h)" 0
is 'by time' "$(letters since=1h)" 3
is 'by group' "$(letters type=shell_consumers)" 1
is 'replayed ones' "$(letters state=replayed)" 0
page=$(api '/api/v1/dlq?limit=2')
is 'a page' "$(of "$page" '.items | length')" 2
page2=$(api "/api/v1/dlq?limit=2&cursor=$(of "$page" .next_cursor)")
is 'the next page' "$(of "$page2" '"\(.items | length) \(.next_cursor)"')" '1 null'
is 'each once' "$(printf '%s\n%s\n' "$page" "$page2" | jq -r '.items[].id' | sort -u | wc -l)" 3
try dlq list --state dead
is 'a state that is none' "$code" 1
has 'what they are' "$err" 'open or replayed'
try dlq show breaker:1-1
is 'no such letter' "$code" 3
try dlq show nonsense
is 'no id' "$code" 1
try dlq sho x
is 'no such action' "$code" 2
has 'what was meant' "$err" '"show"'

# what others wrote hides nothing
redis XADD 'reeve:{0}:q:breaker:dlq' '*' foo bar >/dev/null
redis XADD 'reeve:{0}:q:breaker:dlq' '*' run '../../x' index -7 attempts many failed_at no \
	category "$(printf 'a\377b\nc')" reason "$(printf '\033[31mred\001')" >/dev/null
perl -e 'print "XADD reeve:{0}:q:breaker:dlq * reason " . ("z" x 900000) . "\n"' |
	redis >/dev/null
redis XADD 'reeve:{0}:q:shell:dlq' '*' task t task u >/dev/null
is 'with foreign ones' "$(letters 'limit=1000')" 7
has_not 'escapes' "$(reeve dlq list)" "$(printf '\033')"
is 'shown too' "$(reeve dlq show "$(api '/api/v1/dlq?type=breaker&limit=1' | jq -r '.items[0].id')" \
	--json | jq '.reason | length')" 8192

# counts and groups
stats=$(api /api/v1/consumer-groups/dlq/statistics)
is 'counts' "$(of "$stats" '[.letters, .open, .by_type.breaker, .by_category.exit]' -c)" \
	'[7,7,5,3]'
is 'of a group' "$(api /api/v1/consumer-groups/shell_consumers/dlq/statistics | jq .letters)" 2
has 'for people' "$(reeve dlq stats)" 'CATEGORY'
groups=$(api /api/v1/consumer-groups/dlq/analyze)
is 'a group' "$(of "$groups" '[.groups[] | select(.category == "exit" and .count == 3)
	| .tasks | keys[]] | join(" ")')" 'flow/a flow/b flow/c'
has 'advice' "$(reeve dlq analyze)" 'read the log'

# purge: the run no longer counts them; twice is refused
submit "$work/flow.yaml" -p what=that
wait_until 20 run_is "$run" failed
wait_until 5 letters_are "run=$run" 3
try dlq purge
is 'purge of nothing said' "$code" 2
try dlq purge --run "$run" --category exit --dry-run
is 'dry run' "$out" '3 dead letters would be dropped'
is 'changed nothing' "$(redis HGET "reeve:{0}:run:$run" dl)" 3
id=$(api "/api/v1/dlq?run=$run" | jq -r '.items[0].id')
try dlq purge "$id"
is 'one' "$out" '1 dead letters dropped, 1 of them open'
is 'left' "$(redis HGET "reeve:{0}:run:$run" dl)" 2
try dlq purge "$id"
is 'twice' "$code" 3
try dlq purge --run "$run"
is 'the others' "$out" '2 dead letters dropped, 2 of them open'
is 'none is left' "$(redis HGET "reeve:{0}:run:$run" dl)" ''
try dlq purge --run "$run"
is 'nothing to do' "$code" 5
has 'who did it' "$(events audit.dlq_purge)" 'uid:'
reeve dlq purge --all >/dev/null
is 'nothing is left' "$(redis HLEN 'reeve:{0}:dlq:body:breaker') $(letters state=all)" '0 0'
metric_is 'reeve_dead_letters_dropped_total{reason="purge"}' 10 || fail 'purged letters counted'

# too many, too old
stop_daemon
for n in 1 2 3 4 5; do
	redis XADD 'reeve:{0}:q:breaker:dlq' '*' task "t$n" reason r >/dev/null
done
redis XADD 'reeve:{0}:q:old:dlq' 1000-1 task old reason r >/dev/null
redis SADD 'reeve:{0}:dlq' old >/dev/null
cat >"$work/reeve.yaml" <<'END'
dead_letters: {max: 3, max_age: 1h}
END
start_daemon -c "$work/reeve.yaml"
few() {
	[ "$(redis XLEN 'reeve:{0}:q:breaker:dlq')" = 3 ] && [ "$(redis XLEN 'reeve:{0}:q:old:dlq')" = 0 ]
}
wait_until 20 few
is 'the oldest went' "$(api '/api/v1/dlq?type=breaker' | jq -r '[.items[].task] | join(" ")')" \
	't5 t4 t3'
wait_until 5 metric_is 'reeve_dead_letters_dropped_total{reason="limit"}' 3
has 'it is said' "$(cat "$reeved_log")" 'dead letters were dropped'
stop_daemon
