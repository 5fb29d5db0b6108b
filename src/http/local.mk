# SPDX-License-Identifier: MIT
# List every .c and .h of this folder.
libhttp_a_SOURCES = src/http/conn.h src/http/listen.h src/http/role.h src/http/uri.h 
