#!/bin/bash
# Every SuDoRM-RF on four whole nodes of one kind, a part of the networks on each (docs/clusters.md):
#
#   sbatch slurm-array.sh
#
# Adapt: the partition and the time, how Python is found, and a folder that all nodes see.
# A task that ended early goes on where it was: sbatch --array=3 slurm-array.sh

#SBATCH --job-name=separation-bench
#SBATCH --array=1-4
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --exclusive
#SBATCH --mem=0
#SBATCH --time=04:00:00
#SBATCH --output=separation-bench-%A-%a.log

set -euo pipefail

SHARDS=4 # the last index of --array, also where only some of them are run again
OUTPUT=${OUTPUT:-$HOME/separation-bench}

srun --nodes=1 --ntasks=1 --cpus-per-task="$SLURM_CPUS_ON_NODE" \
    python -m bench.run --models family --device cpu \
    --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" --resume --output "$OUTPUT"
