# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libredis_a_SOURCES = src/redis/port.h 
