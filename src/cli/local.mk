# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libcli_a_SOURCES =
