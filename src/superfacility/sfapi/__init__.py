"""The Superfacility API v1.2 on the wire: one package per endpoint group, named as in the URL.

`routes.py` is HTTP in, HTTP out, without decisions; `schemas.py` has the bodies and how they are made from the domain.
"""
