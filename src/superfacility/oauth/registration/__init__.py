"""How clients come to be beyond what people may do by themselves: requests that staff decide, accounts that several
people manage, and mails that are owed. The clients themselves are in `oauth/clients.py`."""
