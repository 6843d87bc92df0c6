"""Published doubles: fakes of every port, and the contract suites that fakes and real adapters both pass.

Production code never imports them, and no fixture of a single test belongs here.
"""
