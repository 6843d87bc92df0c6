"""Every performance figure that the README claims, each beside what a user would otherwise pick, measured in one run.

`make bench` prints the tables; `python -m benchmarks reads tokens` runs some of them. Figures of a shared machine are
noisy: rounds of the compared sides are interleaved, and what counts is the median of the ratios.
"""
