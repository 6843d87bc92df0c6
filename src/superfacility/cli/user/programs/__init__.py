"""Programs that act for people: clients and their keys, requests for them, applications."""
