"""Listing, downloading and uploading files, running commands: `/utilities`. Large bodies stream.

No file is opened here: the transport behind `services` does, as the user.
"""
