"""What jobs print: where it goes, a piece of it, and all of it as it comes."""

from superfacility.services.compute.output.following import Ended, Followed, Follows, OutputLimits, Restarted
from superfacility.services.compute.output.reading import JobOutputs, OutputPiece, Stream

__all__ = ["Ended", "Followed", "Follows", "JobOutputs", "OutputLimits", "OutputPiece", "Restarted", "Stream"]
