"""Requests to one facility: with tokens, again where that is safe, and what answers mean.

Which calls there are is in `calls`; how bytes travel, in `transport`.
"""
