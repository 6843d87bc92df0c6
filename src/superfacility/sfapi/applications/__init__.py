"""`/account/applications` and `/account/grants`: programs that people log in to, and what they have allowed them."""
