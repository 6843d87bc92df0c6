"""How a program proves itself: key files, logins, tokens, and where tokens are kept between runs.

What a call asks for, and whether it is tried again, is not known here.
"""
