"""Processes that serve: uvicorn as we run it, several of them on one socket, and what they tell of themselves.

Not here: what is answered (`app`), and the command line (`cli`).
"""
