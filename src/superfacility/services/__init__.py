"""The use cases, a module or a package an area. They know ports and never HTTP; who owns what is asked here.

Task handlers live here too: each service gives its own by `handlers()`.
"""
