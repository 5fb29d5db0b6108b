# SPDX-License-Identifier: MIT
# Tests against a real private redis-server: SH_TESTS (one case each) and C_TESTS.
