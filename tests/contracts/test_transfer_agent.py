"""The contract of transfer agents over the local one."""

import pytest

from superfacility.adapters.local import open_transfer_agent
from superfacility.facility.transfers import TransferAgent
from superfacility.testing.contracts.transfer_agent import TransferAgentContract


class TestLocalTransferAgent(TransferAgentContract):
    @pytest.fixture
    def agent(self) -> TransferAgent:
        return open_transfer_agent({})
