#!/bin/sh
# SPDX-License-Identifier: MIT
# The commands that need no daemon, and what all commands say when there is none.
. "${srcdir:-.}/tests/integration/lib.sh"
export HOME="$work" XDG_STATE_HOME="$work/state"
cd "$work"

# try COMMAND...: sets $code, $out and $err.
try() {
	code=0
	out=$("$top/reeve" "$@" 2>"$work/err") || code=$?
	err=$(cat "$work/err")
}

try
is 'no command' $code 2
has 'no command' "$err" 'usage: reeve'
try --help
is help $code 0
has help "$out" 'validate'
try rnu
is 'unknown command' $code 2
has 'unknown command' "$err" 'did you mean "run"?'
try approve x
is 'later command' $code 2
has 'later command' "$err" 'not supported yet'
for command in init validate plan graph fmt schema run runs show watch workflows logs doctor \
	log-level bench version help; do
	try $command --help
	is "$command --help" $code 0
	has "$command --help" "$out" "  reeve $command"
done

try init first
is init $code 0
try init first
is 'init again' $code 5
try init 1st
is 'init with a bad name' $code 2
try validate first.yaml
is validate "$code $out" '0 first.yaml: ok (2 tasks)'
printf 'name: x\ntasks:\n  - id: a\n    nees: [b]\n' >bad.yaml
try validate bad.yaml first.yaml
is 'validate bad' $code 1
has 'validate bad' "$err" 'bad.yaml:4:5: error: '
has 'validate bad' "$out" 'first.yaml: ok'
try validate missing.yaml
is 'validate missing' $code 1
try --json validate first.yaml
has 'validate --json' "$out" '"ok":true'
try plan first.yaml
is plan $code 0
has plan "$out" 'critical path (2): greet > count'
for form in --dot --mermaid --svg; do
	try graph first.yaml $form
	is "graph $form" $code 0
	has "graph $form" "$out" greet
done
printf 'tasks:\n  - {type: worker, run: "true", id: a}\n' >old.yaml
try fmt --check old.yaml
is 'fmt --check' $code 1
try fmt --write old.yaml
is 'fmt --write' "$code $err" '0 '
try fmt --check old.yaml
is 'fmt --check after --write' $code 0
try fmt --write first.yaml
is 'fmt keeps comments' $code 5
has 'fmt keeps comments' "$err" 'comments'

# the schemas are JSON, each says which it is
for kind in workflow task result event config; do
	try schema $kind
	is "schema $kind" $code 0
	is "schema $kind" "$(printf '%s' "$out" | jq -r '."$schema"')" \
		https://json-schema.org/draft/2020-12/schema
	has "schema $kind" "$(printf '%s' "$out" | jq -r .title)" "$kind"
done
try schema nonsense
is 'an unknown schema' $code 2
has 'an unknown schema' "$err" 'there are workflow, task'

# no daemon
for command in 'run x' runs 'show @last' 'watch @last' workflows 'logs @last' doctor log-level; do
	# shellcheck disable=SC2086
	try $command
	is "$command without a daemon" $code 4
	has "$command without a daemon" "$err" '/run/reeve/reeve.sock'
	has "$command without a daemon" "$err" "$work/state/reeve/reeve.sock"
done
REEVE_SOCKET=$work/other.sock try --json runs
is '--json without a daemon' $code 4
has '--json without a daemon' "$err" '{"error":{"code":"unreachable"'
has 'a named socket' "$err" 'other.sock (REEVE_SOCKET)'
try version
is version $code 0
echo secret >token
chmod 644 token
try --token-file token runs
is 'a readable token file' $code 6
has_not 'a readable token file' "$err" secret
