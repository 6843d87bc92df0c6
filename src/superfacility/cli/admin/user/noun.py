"""The noun that all of these commands belong to."""

from cyclopts import App

app = App(name="user", help="People, and accounts that programs act as.", help_format="plaintext")
