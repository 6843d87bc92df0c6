"""What every implementation of a port must do, one suite a port.

A test module subclasses a suite and supplies its fixtures; the suites know ports alone and never an implementation.
"""

import pkgutil

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{suite.name}" for suite in pkgutil.iter_modules(__path__)))
