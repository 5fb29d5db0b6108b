#!/bin/sh
# SPDX-License-Identifier: MIT
# Commands and placeholders, settings of the type, several types, floods, full memory.
# shellcheck disable=SC2016,SC2119,SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/agent_lib.sh"
agent=${REEVE_AGENT:-$top/reeve-agent}
start_redis

# usage
code=0
"$agent" --type t --preset claude 2>"$work/usage.txt" || code=$?
is preset "$code" 2
has preset "$(cat "$work/usage.txt")" 'not supported yet'
code=0
"$agent" --tpye t 2>"$work/usage.txt" || code=$?
is typo "$code" 2
has typo "$(cat "$work/usage.txt")" 'did you mean --type?'
code=0
HOME=$work XDG_STATE_HOME='' "$agent" --type t 2>"$work/usage.txt" || code=$?
is nowhere "$code" 1
for place in --redis REEVE_REDIS_URL --state-dir REEVE_STATE_DIR /run/reeve "$work/.local/state/reeve"; do
	has nowhere "$(cat "$work/usage.txt")" "$place"
done
"$agent" --help | grep -q 'REEVE_OUTPUT_FILE' || fail help
"$agent" --version | grep -q '^reeve-agent [0-9]' || fail version

# a command, placeholders as whole arguments, standard input
make_queue t
cat >"$work/show.sh" <<'END'
#!/bin/sh
{
	printf '%s|' "$@"
	echo
	cat
} >"$OUT"
END
chmod +x "$work/show.sh"
OUT=$work/shown
export OUT
start_agent --type t --id a1 --stdin prompt -- "$work/show.sh" '{prompt}' 'x{prompt}' '{workdir}' '{prompt_file}'
put t show prompt 'say "hi" $(touch /tmp/never)'
report "$token"
has show "$got" 'status=done'
shown=$(cat "$work/shown")
has prompt "$shown" 'say "hi" $(touch /tmp/never)|x{prompt}|'"$PWD"'|/'
has stdin "$(tail -n 1 "$work/shown")" 'say "hi" $(touch /tmp/never)'

# shell lines are refused without --allow-run
put t line run "touch $work/never"
report "$token"
has refused "$got" 'category=rejected'
has refused "$got" '--allow-run'
[ ! -e "$work/never" ] || fail 'a shell line ran'
kill -TERM "$agent_pid"
ended "$agent_pid" 5

# a program that is not there
start_agent --type t --id a1 -- no-such-program
put t missing prompt x
report "$token"
has missing "$got" 'category=rejected'
has missing "$got" 'no-such-program'
kill -TERM "$agent_pid"
ended "$agent_pid" 5

# the type's settings, published by the owner; without a command it waits for them
start waiting "$agent" --redis "$redis_url" --type u --id a2
waiting=$pid
wait_until 5 grep -q 'no command for this type yet' "$work/waiting.log"
mkdir "$work/dir"
redis SET "${key}type:u" '{"command":["sh","-c","pwd >'"$work"'/cwd; exit 3"],"concurrency":2,"lease_ms":9000,"success":{"exit_codes":[0,3]},"workdir":"'"$work/dir"'"}' >/dev/null
wait_until 10 grep -q '^ready .*slots=2' "$work/waiting.log"
is lease "$(redis HGET "${key}agent:a2" lease_ms)" 9000
# no group yet: the agent makes it
wait_until 5 redis XINFO GROUPS "${key}q:u"
put u typed payload '{"a":1}'
report "$token"
has typed "$got" 'status=done'
has typed "$got" 'exit_code=3'
is workdir "$(cat "$work/cwd")" "$work/dir"
kill -TERM "$waiting"
ended "$waiting" 5

# several types: one slot, each gets its turn, never two at a time
make_queue x
make_queue y
make_queue z
order=''
for i in 1 2 3; do
	for q in x y z; do
		put "$q" "$q$i" run "[ ! -e $work/busy ] || touch $work/two; touch $work/busy; echo $q >>$work/order; rm $work/busy"
		order="$order $token"
	done
done
start_agent --type x --type y --type z --id a3 --allow-run
for t in $order; do
	report "$t"
	has types "$got" 'status=done'
done
is order "$(paste -sd '' "$work/order")" xyzxyzxyz
[ ! -e "$work/two" ] || fail 'two tasks in one slot'
# the bell: a task that comes while all are empty
put y bell run true
report "$token"
has bell "$got" 'status=done'
kill -TERM "$agent_pid"
ended "$agent_pid" 5

# a flood of output: bounded memory, capped log, whole characters
start_agent --type t --id a4 --allow-run
put t flood run 'yes "zwölf Boxkämpfer" | head -c 40000000'
report "$token"
has flood "$got" 'status=done'
peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$agent_pid/status")
if ! ldd "$agent" | grep -q libasan; then
	[ "$peak" -lt 65536 ] || fail "a flood took $peak KiB"
fi
settled() {
	[ "$(redis XLEN "${key}log:$run_id:flood:1")" -gt 10 ]
}
wait_until 5 settled
log_of flood >"$work/flood.txt"
size=$(wc -c <"$work/flood.txt")
[ "$size" -le 16777216 ] || fail "the log has $size bytes"
[ "$size" -gt 15000000 ] || fail "the log has only $size bytes"
is 'whole lines' "$(head -n -1 "$work/flood.txt" | sort -u)" 'zwölf Boxkämpfer'
redis DEL "${key}log:$run_id:flood:1" >/dev/null

# binary output harms nothing
put t binary run 'head -c 100000 /dev/urandom; printf "\303"'
report "$token"
has binary "$got" 'status=done'

# full memory: the report gets through, only the log is refused
put t full run "touch $work/full.on; $work/await $work/full; echo some output"
wait_until 5 test -e "$work/full.on"
redis CONFIG SET maxmemory 1 >/dev/null
touch "$work/full"
report "$token"
has full "$got" 'status=done'
redis CONFIG SET maxmemory 0 >/dev/null
put t again run 'true'
report "$token"
has again "$got" 'status=done'
kill -TERM "$agent_pid"
ended "$agent_pid" 5
is exit "$code" 0

# the end of a log is there when the agent has left
start_agent --type t --id a5 --allow-run
put t tail run "touch $work/tail.on; $work/await $work/tail.go; seq 1 100000"
wait_until 5 test -e "$work/tail.on"
kill -TERM "$agent_pid"
touch "$work/tail.go"
ended "$agent_pid" 10
is exit "$code" 0
is 'last line' "$(log_of tail | tail -n 1)" 100000
is 'all lines' "$(log_of tail | wc -l)" 100000
