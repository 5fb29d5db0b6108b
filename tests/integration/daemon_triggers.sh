#!/bin/sh
# SPDX-License-Identifier: MIT
# What starts a run: a new meaning at a path does, once; comments, restarts, bad, foreign
# and half-written files do not.
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/daemon_lib.sh"
# shellcheck disable=SC2119
start_redis
start_daemon

total=0
marks=0

# the text of a workflow: flow NAME WORD
flow() {
	printf 'name: %s\ntasks:\n  - {id: only, agent: nobody, prompt: "%s"}\n' "$1" "$2"
}

# Everything that was dropped before has been looked at: a mark behind it has its run.
mark() {
	marks=$((marks + 1))
	flow "mark-$marks" here | drop "mark-$marks.yaml"
	wait_until 10 has_run "mark-$marks"
	total=$((total + 1))
}

has_run() {
	api "/api/v1/runs?workflow=$1" | says '.items | length > 0'
}

# runs_are N WHAT: so many runs of it, now and after a mark
expect() {
	wait_until 10 count_is "$1" "$2"
	mark
	is "runs of $1" "$(count "$1")" "$2"
}

count() {
	api "/api/v1/runs?workflow=$1&limit=1000" | jq '.items | length'
}

count_is() {
	[ "$(count "$1")" = "$2" ]
}

state_of() {
	reeve --json workflows | jq -r --arg n "$1" '.items[] | select(.name == $n) |
		"\(.enabled) \(.error)"'
}

# logged TEXT
logged() {
	grep -qF "$1" "$reeved_log"
}

# state_is WORKFLOW PATTERN
state_is() {
	# shellcheck disable=SC2254
	case $(state_of "$1") in
	$2) ;;
	*) return 1 ;;
	esac
}

# A, B, A: three runs
flow abc one | drop abc.yaml
expect abc 1
flow abc two | drop abc.yaml
expect abc 2
flow abc one | drop abc.yaml
expect abc 3
# comments, spaces and other spellings are no other meaning; neither is a touch
{ echo '# a comment'; flow abc one | sed 's/tasks:/steps:  # what to do/'; } | drop abc.yaml
touch "$flows/abc.yaml"
expect abc 3

# a bad version displaces nothing
printf 'name: abc\ntasks:\n  - {id: only, agnet: nobody}\n  - {id: only, agent: b}\n' |
	drop abc.yaml
wait_until 10 logged "$flows/abc.yaml:3:16: error: "
has 'all faults in one go' "$(cat "$reeved_log")" "$flows/abc.yaml:4:"
mark
has 'the old one is in use' "$(state_of abc)" "true $flows/abc.yaml:3:5: error: "
try workflows
has 'reeve workflows says why' "$err" 'error: '
reeve run abc >/dev/null
expect abc 4
flow abc one | drop abc.yaml
expect abc 4
wait_until 10 state_is abc 'true null'

# a restart starts nothing, also with a file that changed only in comments meanwhile
stop_daemon
{ echo '# while it was away'; flow abc one; } | drop abc.yaml
start_daemon
expect abc 4
# what changed while it was away does, once
stop_daemon
flow abc three | drop abc.yaml
start_daemon
expect abc 5
# nor does a kill -9
kill_daemon
start_daemon
expect abc 5

# delete, and the same again: one run
rm "$flows/abc.yaml"
wait_until 10 grep -q 'msg="workflow removed" workflow=abc' "$reeved_log"
wait_until 10 state_is abc '*false*'
try run abc
[ "$code" -ne 0 ] || fail 'a deleted workflow was run'
flow abc three | drop abc.yaml
expect abc 6
# also across a restart
stop_daemon
rm "$flows/abc.yaml"
start_daemon
mark
stop_daemon
flow abc three | drop abc.yaml
start_daemon
expect abc 7

# renamed into the folder, and from name to name (a new path is a new drop)
flow moved one >"$work/moved.yaml"
mv "$work/moved.yaml" "$flows/moved.yml"
expect moved 1
mv "$flows/moved.yml" "$flows/moved-on.yaml"
expect moved 2

# a slow writer: nothing until it closes, then one run and no fault
exec 3>"$flows/slow.yaml"
flow slow one >&3
mark
is 'of an open file' "$(count slow)" 0
printf '  - {id: second, agent: nobody, needs: [only' >&3
mark
is 'of a half-written file' "$(count slow)" 0
printf ']}\n' >&3
exec 3>&-
expect slow 1
is 'its last content' "$(api '/api/v1/runs?workflow=slow' | jq '.items[0].tasks_total')" 2
has_not 'a half-written file' "$(cat "$reeved_log")" "$flows/slow.yaml:"

# nor when the daemon starts while it is written
stop_daemon
exec 3>"$flows/slow.yaml"
flow slow four >&3
start_daemon 3>&-
mark
is 'of a file that is open at the start' "$(count slow)" 1
printf '  - {id: second, agent: nobody, needs: [only]}\n' >&3
exec 3>&-
expect slow 2
is 'its last content' "$(api '/api/v1/runs?workflow=slow' | jq '.items[0].tasks_total')" 2

# how editors save: a hidden file and rename; backup, then create
flow slow two >"$flows/.slow.yaml.swp"
mv "$flows/.slow.yaml.swp" "$flows/slow.yaml"
expect slow 3
mv "$flows/slow.yaml" "$flows/slow.yaml~"
flow slow three | drop slow.yaml
expect slow 4
flow slow three | drop slow.yaml
expect slow 4

# what is no workflow file
flow foreign hidden | drop .hidden.yaml
flow foreign backup | drop backup.yaml~
flow foreign tmp | drop half.yaml.tmp
flow foreign tmp | drop half.tmp
flow foreign text | drop notes.txt
flow foreign link >"$work/target.yaml"
ln -s "$work/target.yaml" "$flows/link.yaml"
ln -s /nonexistent "$flows/dangling.yaml"
mkfifo "$flows/fifo.yaml"
mkdir "$flows/folder.yaml"
flow foreign inside >"$flows/folder.yaml/inside.yaml"
flow unreadable one >"$work/unreadable.yaml"
chmod 000 "$work/unreadable.yaml"
mv "$work/unreadable.yaml" "$flows/"
mark
is 'runs of foreign files' "$(count foreign)" 0
if [ "$(id -u)" -ne 0 ]; then
	wait_until 10 logged "$flows/unreadable.yaml:1:1: error: "
	is 'of an unreadable file' "$(count unreadable)" 0
fi
chmod 644 "$flows/unreadable.yaml"
expect unreadable 1

# several documents are several workflows
{ flow many-a one; echo ---; flow many-b one; echo ---; flow many-c one; } | drop many.yaml
expect many-a 1
is 'the second document' "$(count many-b)" 1
is 'the third document' "$(count many-c)" 1
{ flow many-a one; echo ---; flow many-b two; } | drop many.yaml
expect many-b 2
is 'the unchanged document' "$(count many-a)" 1
wait_until 10 state_is many-c '*false*'

# a name that another file has
flow many-a other | drop thief.yaml
wait_until 10 logged "$flows/thief.yaml:1:1: error: '$flows/many.yaml'"
mark
is 'of a stolen name' "$(count many-a)" 1

# on: manual only registers
flow by-hand one | sed '1a on: manual' | drop by-hand.yaml
wait_until 10 state_is by-hand 'true null'
mark
is 'of a manual workflow' "$(count by-hand)" 0

# edited and deleted during its run: the run keeps its definition
cat >"$work/await" <<'END'
#!/bin/sh
echo "word=$1" >>"$REEVE_OUTPUT_FILE"
exec perl -e '$f = shift; select undef, undef, undef, 0.02 until -e $f' "$2"
END
chmod +x "$work/await"
agent patient patient -- "$work/await" '{prompt}' "$work/go"
cat >"$work/life.yaml" <<'END'
name: life
tasks:
  - {id: first, agent: patient, prompt: old}
  - {id: second, agent: patient, needs: [first], prompt: "old ${{ tasks.first.outputs.word }}"}
END
cp "$work/life.yaml" "$flows/life.yaml"
wait_until 10 count_is life 1
run=$(api '/api/v1/runs?workflow=life' | jq -r '.items[0].id')
wait_until 10 task_is "$run" first running
sed 's/old/new/; s/id: second/id: other/' "$work/life.yaml" | drop life.yaml
wait_until 10 count_is life 2
rm "$flows/life.yaml"
mark
touch "$work/go"
wait_until 20 run_is "$run" succeeded
is 'its own definition' "$(task "$run" second .outputs.word)" 'old old'
wait_until 20 count_is 'life&status=succeeded' 2
expect life 2
