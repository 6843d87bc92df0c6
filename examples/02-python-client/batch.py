"""The batch script that every one of these examples submits."""

SCRIPT = """\
#!/bin/bash
#SBATCH --job-name=interference
#SBATCH --nodes=1
#SBATCH --time=5
#SBATCH --output={folder}/{name}-%j.out
cd {folder} && python3 interference.py {distance} {name}.png
"""


def batch_script(folder: str, distance: float) -> tuple[str, str]:
    """Its text, and the name of what it makes."""
    name = f"slits-{distance:g}"
    return SCRIPT.format(folder=folder, name=name, distance=distance), name
