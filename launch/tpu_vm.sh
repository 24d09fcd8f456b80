#!/usr/bin/env bash
# One experiment on every worker of a TPU VM, with the code committed in this clone:
#   launch/tpu_vm.sh NAME ZONE --config=configs/iqa_nrtl.py:dataset=biq2021 --workdir=/mnt/shared/run
# Databases (JIQA_DATA_DIR) and --workdir must be on a disk shared by all workers.
set -euo pipefail
name=${1:?name of the TPU VM}
zone=${2:?its zone}
shift 2
cd "$(dirname "$0")/.."
archive=$(mktemp -d)/jiqa.tar.gz
git archive --prefix=jiqa/ -o "$archive" HEAD
gcloud compute tpus tpu-vm scp "$archive" "$name": --zone="$zone" --worker=all
gcloud compute tpus tpu-vm ssh "$name" --zone="$zone" --worker=all --command="
  set -e
  tar xzf jiqa.tar.gz && cd jiqa
  pip install --quiet --user uv
  ~/.local/bin/uv venv --quiet --allow-existing --python 3.12 .venv
  ~/.local/bin/uv pip install --quiet -c requirements.lock 'jax[tpu]' '.[train,report]'
  ${JIQA_DATA_DIR:+env JIQA_DATA_DIR=${JIQA_DATA_DIR@Q}} .venv/bin/python -m jiqa.main --distributed ${*@Q}"
