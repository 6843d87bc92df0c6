"""The one way that a request is turned down."""


class Refusal(Exception):
    """The scheduler's own words, as the Slurm programs print them, without the final newline."""

    @property
    def words(self) -> str:
        return str(self.args[0])


def sbatch_error(text: str) -> Refusal:
    return Refusal(f"sbatch: error: {text}")


def submission_failed(text: str) -> Refusal:
    """What `sbatch` says when the controller, not its own parser, said no."""
    return sbatch_error(f"Batch job submission failed: {text}")
