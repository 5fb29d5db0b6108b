# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libagent_a_SOURCES =
