#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gzip and xz on 10 MB and back.
export COMPRESS_BYTES=10000000
. "$(dirname "$0")/compress.sh"
