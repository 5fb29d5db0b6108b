#!/bin/sh
# SPDX-License-Identifier: MIT
# The command of the example agents: a stand-in for an AI tool or a build script.
# usage: example-agent.sh ROLE {prompt}
# It shows what a command has: the task in $REEVE_TASK_FILE, outputs by
# $REEVE_OUTPUT_FILE, a log by standard output.
set -eu
role=$1 prompt=${2:-}
words=$(printf '%s' "$prompt" | wc -w | tr -d ' ')
echo "$role works on $REEVE_TASK_ID of $REEVE_WORKFLOW, attempt $REEVE_ATTEMPT"
printf '%s\n' "$prompt"
{
	echo "by=$role"
	echo "words=$words"
	case $role in
	architect) echo "plan=${REEVE_RUN_ID}: an API, a page, tests" ;;
	qa) echo "verdict=passed" ;;
	*) echo "artifact=$role-$REEVE_TASK_ID.tar" ;;
	esac
} >>"$REEVE_OUTPUT_FILE"
