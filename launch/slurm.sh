#!/usr/bin/env bash
# One experiment on a SLURM cluster, one process per GPU, from a clone with its environment active:
#   sbatch --nodes=2 launch/slurm.sh --config=configs/iqa_nrtl.py:dataset=biq2021 --workdir=runs/biq2021
# Every node needs access to the same clone, databases (JIQA_DATA_DIR) and --workdir.
#SBATCH --job-name=jiqa
#SBATCH --nodes=1
#SBATCH --gpus-per-node=4
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
set -euo pipefail
srun --kill-on-bad-exit=1 python -m jiqa.main --distributed "$@"
