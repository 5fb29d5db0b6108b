# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
liborchestrator_a_SOURCES = src/orchestrator/facade.h 
