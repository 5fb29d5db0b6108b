# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
liborchestrator_a_SOURCES = \
	src/orchestrator/audit.c \
	src/orchestrator/audit.h \
	src/orchestrator/auditor.c \
	src/orchestrator/auditor.h \
	src/orchestrator/auditor_checks.c \
	src/orchestrator/auditor_private.h \
	src/orchestrator/badkeys.c \
	src/orchestrator/catalog.c \
	src/orchestrator/catalog.h \
	src/orchestrator/command.c \
	src/orchestrator/command.h \
	src/orchestrator/commits.c src/orchestrator/commits_lost.c \
	src/orchestrator/control.c src/orchestrator/control.h \
	src/orchestrator/pause.c src/orchestrator/rerun.c src/orchestrator/replay.c \
	src/orchestrator/definitions.c \
	src/orchestrator/distant.c \
	src/orchestrator/doctor.c \
	src/orchestrator/door.c src/orchestrator/door.h \
	src/orchestrator/embedded.c \
	src/orchestrator/embedded.h \
	src/orchestrator/facade.c \
	src/orchestrator/facade.h \
	src/orchestrator/fetches.c src/orchestrator/withdrawals.c \
	src/orchestrator/fleet.c \
	src/orchestrator/fleet.h \
	src/orchestrator/folder.c \
	src/orchestrator/folder.h \
	src/orchestrator/health.c \
	src/orchestrator/history.c \
	src/orchestrator/history.h \
	src/orchestrator/holders.c \
	src/orchestrator/intake.c \
	src/orchestrator/holds.c src/orchestrator/holds.h \
	src/orchestrator/keep.c src/orchestrator/keep.h \
	src/orchestrator/known.c \
	src/orchestrator/known.h \
	src/orchestrator/list.c \
	src/orchestrator/loss.c \
	src/orchestrator/orchestrator.c \
	src/orchestrator/orchestrator.h \
	src/orchestrator/orchestrator_private.h \
	src/orchestrator/ownership.c \
	src/orchestrator/partition.c src/orchestrator/partition_rules.c \
	src/orchestrator/parts.c \
	src/orchestrator/passing.c \
	src/orchestrator/partition.h \
	src/orchestrator/partition_private.h \
	src/orchestrator/pool_shares.c \
	src/orchestrator/pool_shares.h \
	src/orchestrator/pooling.c \
	src/orchestrator/pooling.h \
	src/orchestrator/pressure.c \
	src/orchestrator/pressure.h \
	src/orchestrator/purge.c \
	src/orchestrator/readfile.c \
	src/orchestrator/readfile.h \
	src/orchestrator/reads.c \
	src/orchestrator/recover.c \
	src/orchestrator/redis_server.c \
	src/orchestrator/redis_server.h \
	src/orchestrator/registry.c \
	src/orchestrator/registry.h \
	src/orchestrator/regroup.c \
	src/orchestrator/resolve.c \
	src/orchestrator/settings.c \
	src/orchestrator/settings.h \
	src/orchestrator/settings_file.c \
	src/orchestrator/sharing.c \
	src/orchestrator/sharing.h \
	src/orchestrator/sources.c src/orchestrator/sources.h \
	src/orchestrator/starting.c \
	src/orchestrator/starting.h \
	src/orchestrator/drain.c src/orchestrator/drain.h src/orchestrator/fleet_view.c \
	src/orchestrator/move.c src/orchestrator/rebalance.c \
	src/orchestrator/flood.c src/orchestrator/flood.h \
	src/orchestrator/pulse.c src/orchestrator/pulse.h \
	src/orchestrator/steward.c src/orchestrator/steward.h \
	src/orchestrator/roster.c src/orchestrator/roster.h \
	src/orchestrator/statedir.c \
	src/orchestrator/statedir.h \
	src/orchestrator/storage.c \
	src/orchestrator/submit.c \
	src/orchestrator/tend.c \
	src/orchestrator/tend.h \
	src/orchestrator/tend_private.h \
	src/orchestrator/tidy.c \
	src/orchestrator/tidy.h \
	src/orchestrator/trail.c \
	src/orchestrator/types.c \
	src/orchestrator/types.h \
	src/orchestrator/undelivered.c \
	src/orchestrator/view.c \
	src/orchestrator/view.h src/orchestrator/view_text.c \
	src/orchestrator/waiters.c \
	src/orchestrator/waiting.c \
	src/orchestrator/waiting.h \
	src/orchestrator/watch.c \
	src/orchestrator/why.c

liborchestrator_a_SOURCES += \
	src/orchestrator/check.c \
	src/orchestrator/check.h \
	src/orchestrator/noting.c \
	src/orchestrator/notify.c \
	src/orchestrator/notify.h

bin_PROGRAMS += reeved
reeved_SOURCES = src/reeved.c src/reeved_daemon.c src/reeved_daemon.h
reeved_LDADD = $(HTTP_LIBS)

# dead letters
liborchestrator_a_SOURCES += \
	src/orchestrator/limits.c src/orchestrator/limits.h \
	src/orchestrator/letters.c src/orchestrator/letters.h \
	src/orchestrator/letters_auto.c \
	src/orchestrator/letters_drop.c \
	src/orchestrator/letters_replay.c \
	src/orchestrator/letters_view.c

# attempts, counted
liborchestrator_a_SOURCES += \
	src/orchestrator/stats.c src/orchestrator/stats.h \
	src/orchestrator/tally.c src/orchestrator/tally.h
liborchestrator_a_SOURCES += src/orchestrator/published.c

# as many agents as are needed
liborchestrator_a_SOURCES += \
	src/orchestrator/scaling.c src/orchestrator/scaling.h src/orchestrator/scaling_private.h \
	src/orchestrator/scaling_look.c src/orchestrator/scaling_view.c \
	src/orchestrator/scale.c src/orchestrator/scale_exec.c src/orchestrator/scale_exec.h \
	src/orchestrator/local_agents.c src/orchestrator/local_agents.h \
	src/orchestrator/local_record.c src/orchestrator/local_record.h \
	src/orchestrator/local_start.c src/orchestrator/local_start.h

# what is to be expected
liborchestrator_a_SOURCES += src/orchestrator/outlook.c src/orchestrator/outlook.h
