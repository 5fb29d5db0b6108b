#!/bin/sh
# SPDX-License-Identifier: MIT
# The example agents of agents/ do what doc/protocol.md says.
# shellcheck disable=SC2016,SC2119,SC2154
. "${srcdir:-.}/tests/integration/lib.sh"
. "$src/tests/integration/agent_lib.sh"
start_redis

# redis-cli and a shell
make_queue t
put t early prompt 'before it started'
early=$token
redis XREADGROUP GROUP t_consumers cli COUNT 1 STREAMS "${key}q:t" '>' >/dev/null
REDIS_CLI="redis-cli -s $redis_socket"
export REDIS_CLI
start cli "$src/agents/redis-cli-agent.sh" t cli sh -c 'read x; case $x in bad*) exit 3 ;; esac; echo "got $x"'
report "$early"
has 'left by an earlier life' "$got" 'outputs={"result":"got before it started"}'
put t one prompt 'say "hi"'
report "$token"
has one "$got" 'status=done'
has one "$got" 'outputs={"result":"got say \"hi\""}'
has one "$got" 'attempt=1'
has one "$got" 'agent=cli'
put t two prompt 'bad one'
report "$token"
has two "$got" 'status=failed'
has two "$got" 'exit_code=3'

# Python
command -v python3 >/dev/null || skip 'no python3'
make_queue p
start python python3 "$src/agents/python-agent.py" p snake "$redis_socket"
put p three prompt 'höre'
report "$token"
has three "$got" 'status=done'
has three "$got" 'outputs={"length": "4", "shout": "H\u00d6RE"}'
has three "$got" 'agent=snake'

# the example command, as its type files give it
make_queue architect
redis SET "${key}type:architect" '{"command":["agents/example-agent.sh","architect","{prompt}"]}' >/dev/null
cd "$src"
start_agent --type architect
put architect plan prompt 'Design a page' '{"workflow":"w"}'
report "$token"
has plan "$got" 'status=done'
has plan "$got" '"plan":"'"$run_id"': an API, a page, tests"'
wait_until 5 redis EXISTS "${key}log:$run_id:plan:1"
has log "$(log_of plan)" 'Design a page'
