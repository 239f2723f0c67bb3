"""The claims of the project, each measured against a stated expectation: `python -m validation`.

One file a claim: `claims(figures)` returns the rows of the table and, where `figures` is a folder, draws what a picture
says better.
"""

GAMMA = 1.76085963023e11  # rad/(s T), free electron, CODATA 2018; fixed, so that a new edition moves no expected number
