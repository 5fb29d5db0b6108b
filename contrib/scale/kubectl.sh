#!/bin/sh
# SPDX-License-Identifier: MIT
# For an agent type's  scale: {backend: exec, command: [contrib/scale/kubectl.sh, NAME]}:
# sets the replicas of a Kubernetes deployment.
#
#   kubectl.sh [NAME [FLAG...]]   NAME: deployment/reeve-agent-TYPE by default
#
# FLAGs go to kubectl, as --namespace=agents.  Pods that go are sent SIGTERM: give the
# deployment a terminationGracePeriodSeconds as long as a task may take.
set -eu
: "${REEVE_SCALE_TYPE:?}" "${REEVE_SCALE_WANTED:?}"
target=${1:-deployment/reeve-agent-$REEVE_SCALE_TYPE}
[ $# -eq 0 ] || shift
exec kubectl scale "$target" --replicas="$REEVE_SCALE_WANTED" "$@"
