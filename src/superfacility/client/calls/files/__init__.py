"""Files: the calls, and what a copy from afar needs to go on where it broke off. What a listing shows is a record."""
