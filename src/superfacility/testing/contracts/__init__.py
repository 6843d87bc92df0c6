"""What every implementation of a port must do, one suite a port.

A test module subclasses a suite and supplies its fixtures; the suites know ports alone and never an implementation.
"""

import pytest

pytest.register_assert_rewrite(__name__)  # so that a failure shows the values
