#!/bin/bash
#SBATCH --job-name=count-electrons
#SBATCH --account=m0001
#SBATCH --qos=debug
#SBATCH --constraint=cpu
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=00:05:00
#SBATCH --output=count-electrons-%j.log

# Arguments: the folder of the case, and the Python that has stempy (or NumPy alone), h5py and Pillow.
set -euo pipefail
cd "$1"
exec "$2" count.py raw.h5 results
