"""Commands of the people who use a facility, a room for nouns that belong together. They speak HTTP through `client`,
and nothing else.

`table` lists them; a module is loaded when its command is run, so that one command costs what it needs and no more.
What is printed, asked and explained to a person at a terminal is in `terminal`; what is made from all commands together
is in `description`.
"""
