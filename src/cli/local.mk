# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libcli_a_SOURCES = \
	src/cli/cli.c src/cli/command.h \
	src/cli/client.c src/cli/client.h src/cli/cmd_audit.c src/cli/cmd_cancel.c \
	src/cli/cmd_scale.c src/cli/cmd_agents.c src/cli/cmd_groups.c \
	src/cli/cmd_pause.c src/cli/cmd_recover.c src/cli/cmd_retry.c \
	src/cli/cmd_bench.c src/cli/cmd_doctor.c src/cli/cmd_fmt.c src/cli/cmd_graph.c src/cli/cmd_init.c \
	src/cli/cmd_log_level.c src/cli/cmd_logs.c src/cli/cmd_plan.c src/cli/cmd_progress.c src/cli/cmd_purge.c \
	src/cli/cmd_run.c \
	src/cli/cmd_runs.c src/cli/cmd_schema.c src/cli/cmd_validate.c \
	src/cli/cmd_version.c src/cli/cmd_watch.c src/cli/cmd_why.c src/cli/cmd_workflows.c \
	src/cli/file.c src/cli/file.h \
	src/cli/help.c src/cli/help.h \
	src/cli/options.c src/cli/options.h \
	src/cli/places.c src/cli/places.h \
	src/cli/preview.c src/cli/preview.h \
	src/cli/table.c \
	src/cli/term.c src/cli/term.h \
	src/cli/view.c src/cli/view.h
bin_PROGRAMS += reeve
reeve_SOURCES = src/reeve.c
reeve_LDADD = $(CLI_LIBS)
libcli_a_SOURCES += src/cli/cmd_dlq.c src/cli/cmd_dlq_replay.c src/cli/dlq.h
libcli_a_SOURCES += src/cli/cmd_stats.c
