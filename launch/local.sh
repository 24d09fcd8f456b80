#!/usr/bin/env bash
# Rehearsal of training on several hosts: one experiment in several CPU processes on this machine.
#   launch/local.sh PROCESSES --config=configs/iqa_nrtl.py
# The first failure ends all processes. (A single process already uses all devices of a machine.)
set -euo pipefail
processes=${1:?how many processes}
shift
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
for ((i = 0; i < processes; i++)); do
  JAX_PLATFORMS=cpu python -m jiqa.main --coordinator="127.0.0.1:${PORT:-12355}" \
    --num_processes="$processes" --process_id="$i" "$@" &
done
for ((i = 0; i < processes; i++)); do
  wait -n
done
