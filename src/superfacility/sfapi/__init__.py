"""The Superfacility API v1.2 on the wire: one package per endpoint group, named as in the URL.

`routes.py` is HTTP in, HTTP out, without decisions; `schemas.py` has the bodies and how they are made from the domain.
What is decided is in `services`, what two groups need on the wire is in `http`: groups never import each other.
"""
