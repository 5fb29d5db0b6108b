# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libstore_a_SOURCES =
