# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libmodel_a_SOURCES = \
	src/model/assemble.c \
	src/model/canonical.c \
	src/model/canonical.h \
	src/model/category.c \
	src/model/category.h \
	src/model/draw.c \
	src/model/expr.c \
	src/model/expr.h \
	src/model/faults.c \
	src/model/faults.h \
	src/model/graph.c \
	src/model/graph.h \
	src/model/intern.c \
	src/model/intern.h \
	src/model/jread.c \
	src/model/jread.h \
	src/model/keys.c \
	src/model/keys.h \
	src/model/limits.h \
	src/model/load.c \
	src/model/load.h \
	src/model/load_body.c \
	src/model/load_internal.h \
	src/model/load_needs.c \
	src/model/load_params.c \
	src/model/load_retry.c \
	src/model/load_task.c \
	src/model/load_value.c \
	src/model/params.c \
	src/model/params.h \
	src/model/render.c \
	src/model/scalar.c \
	src/model/scalar.h \
	src/model/shell.c \
	src/model/shell.h \
	src/model/template.c \
	src/model/template.h \
	src/model/template_internal.h \
	src/model/uncanonical.c \
	src/model/workflow.c \
	src/model/workflow.h \
	src/model/yaml.c \
	src/model/yaml.h
