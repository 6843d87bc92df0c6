"""Who you are to a facility: logging in and out, what your token may do, what you have done, what is wrong."""
