#!/bin/sh
# Makes ./configure from configure.ac. Needed once in a fresh checkout.
set -e
cd "$(dirname "$0")"
autoreconf --install --force
