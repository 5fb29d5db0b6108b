# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
liborchestrator_a_SOURCES = src/orchestrator/facade.h

liborchestrator_a_SOURCES += \
	src/orchestrator/commits.c \
	src/orchestrator/intake.c \
	src/orchestrator/ownership.c \
	src/orchestrator/partition.c src/orchestrator/partition.h \
	src/orchestrator/partition_private.h
