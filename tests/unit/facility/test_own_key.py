"""Keys that an installation makes for itself."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from superfacility.facility.errors import InvalidInput
from superfacility.facility.secret_files import own_key


def test_it_is_made_once_for_us_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(own_key, [tmp_path / "keys" / "webhooks.key"] * 16))
    assert len(keys) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["webhooks.key"]
    assert (tmp_path / "keys" / "webhooks.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_may_read_or_that_is_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "webhooks.key"
    own_key(path)
    path.chmod(0o640)
    with pytest.raises(InvalidInput, match="chmod 600"):
        own_key(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(InvalidInput, match="does not hold 32 bytes"):
        own_key(path)
