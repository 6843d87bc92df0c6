"""The options on the `#SBATCH` lines of a script."""

from superfacility.adapters.embedded.request.options import Options, read_options
from superfacility.adapters.embedded.request.refusal import sbatch_error
from superfacility.facility.batch.lines import directive_lines, split_words


def check_script(text: str) -> None:
    """`Refusal`, in Slurm's words, for what is not a script."""
    if not text.strip():
        raise sbatch_error("Batch script is empty!")
    if "\0" in text:
        raise sbatch_error(
            "The SLURM controller does not allow scripts that\nsbatch: error: contain a NULL character '\\0'."
        )
    if not text.startswith("#!"):
        raise sbatch_error(
            "This does not look like a batch script.  The first\n"
            "sbatch: error: line must start with #! followed by the path to an interpreter.\n"
            "sbatch: error: For instance: #!/bin/sh"
        )
    if "\r\n" in text:
        raise sbatch_error(
            "Batch script contains DOS line breaks (\\r\\n)\nsbatch: error: instead of expected UNIX line breaks (\\n)."
        )


def read_directives(text: str) -> Options:
    """The options of all `#SBATCH` lines; a later line wins over an earlier one."""
    options = Options()
    for number, line in directive_lines(text):
        try:
            words = split_words(line)
        except ValueError:
            raise sbatch_error(f'line {number}: no closing quote in "#SBATCH{line}"') from None
        found = read_options(words)
        options.values.update(found.values)
        options.unknown.extend(found.unknown)
        options.unknown.extend(found.rest)
    return options
