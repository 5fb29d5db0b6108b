#!/bin/sh
# SPDX-License-Identifier: MIT
# For an agent type's  scale: {backend: exec, command: [contrib/scale/nomad.sh, JOB, GROUP]}:
# sets the count of a group of a Nomad job.
#
#   nomad.sh [JOB [GROUP]]   reeve-agents and the type's name by default
#
# Allocations that go are sent SIGTERM: give the task a kill_timeout as long as a task of
# Reeve may take.  NOMAD_ADDR and NOMAD_TOKEN come from the environment of reeved.
set -eu
: "${REEVE_SCALE_TYPE:?}" "${REEVE_SCALE_WANTED:?}"
exec nomad job scale -detach "${1:-reeve-agents}" "${2:-$REEVE_SCALE_TYPE}" \
	"$REEVE_SCALE_WANTED"
