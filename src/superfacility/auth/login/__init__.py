"""Pages where people log in and out and look after their account."""
