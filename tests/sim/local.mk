# SPDX-License-Identifier: MIT
# The deterministic simulation.  C_TESTS print TAP; name LDADD and SOURCES here.
