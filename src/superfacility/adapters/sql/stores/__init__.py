"""The stores: a package an area, in it one module a port, each over a `Database`, and functions that change rows inside
a transaction. What is read across all areas (`vitals`) stands beside them.

Not here: how connections, transactions and faults are handled (`engine`), and the tables (`tables`).
"""
