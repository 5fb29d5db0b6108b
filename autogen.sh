#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes ./configure from a checkout.
set -eu
cd "$(dirname "$0")"
exec autoreconf --install --force "$@"
