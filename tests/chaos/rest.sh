#!/bin/sh
# SPDX-License-Identifier: MIT
# The other half of the selection of the fault matrix.
part=2/2
export part
exec "${srcdir:-.}/tests/chaos/selection.sh"
