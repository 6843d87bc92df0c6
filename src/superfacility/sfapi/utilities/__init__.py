"""Listing, downloading and uploading files, running commands: `/utilities`. Large bodies stream."""
