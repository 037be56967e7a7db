#!/bin/sh
# What a connection of src/net costs: memory, processor time, round trip.
exec "${BUILD:-build}/bench_net" "$@"
