"""What people have on the systems, as the calling user: files, commands, and copies between places.

Not here: the output of jobs (`services.compute.output`), whose paths the scheduler tells.
"""

from superfacility.services.files.project_bounds import bound_transport, reachable
from superfacility.services.files.storage import StorageService
from superfacility.services.files.uploads import UploadRules, Uploads
from superfacility.services.files.utilities import UtilityService

__all__ = ["StorageService", "UploadRules", "Uploads", "UtilityService", "bound_transport", "reachable"]
