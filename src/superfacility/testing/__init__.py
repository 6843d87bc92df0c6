"""Published doubles: fakes of every port, and the contract suites that fakes and real adapters both pass."""
