"""What can be asked of a facility, one module an area of its API. Each call is a coroutine, written once.

How a request gets there, and with which token, is the session's.
"""
