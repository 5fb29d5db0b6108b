# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libagent_a_SOURCES = \
	src/agent/agent.c src/agent/agent.h \
	src/agent/arguments.c src/agent/arguments.h \
	src/agent/attempt.c src/agent/attempt.h \
	src/agent/beat.c \
	src/agent/childenv.c src/agent/childenv.h \
	src/agent/command.c src/agent/command.h \
	src/agent/keeper.c src/agent/keeper.h \
	src/agent/ledger.c src/agent/ledger.h \
	src/agent/logs.c src/agent/logs.h \
	src/agent/options.c src/agent/options.h \
	src/agent/outbox.c \
	src/agent/outputs.c src/agent/outputs.h \
	src/agent/place.c src/agent/place.h \
	src/agent/progress.c src/agent/progress.h \
	src/agent/partitions.c \
	src/agent/pull.c \
	src/agent/report.c src/agent/report.h \
	src/agent/result.c src/agent/result.h \
	src/agent/room.c src/agent/room.h \
	src/agent/script.c \
	src/agent/settings.c src/agent/settings.h \
	src/agent/silence.c src/agent/silence.h \
	src/agent/signon.c \
	src/agent/socket.c src/agent/socket.h \
	src/agent/spool.c src/agent/spool.h \
	src/agent/spool_private.h src/agent/spoollog.c \
	src/agent/spoolfile.c src/agent/spoolfile.h \
	src/agent/strays.c src/agent/strays.h \
	src/agent/sweep.c \
	src/agent/take.c src/agent/take.h \
	src/agent/task.c src/agent/task.h \
	src/agent/taskfile.c src/agent/taskfile.h \
	src/agent/verdict.c src/agent/verdict.h \
	src/agent/workspace.c src/agent/workspace.h

bin_PROGRAMS += reeve-agent
reeve_agent_SOURCES = src/reeve-agent.c
reeve_agent_LDADD = $(AGENT_LIBS)
