# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libmodel_a_SOURCES = src/model/category.h src/model/workflow.h 
