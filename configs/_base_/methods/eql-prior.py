"""EQL of the EQLv2 repository: the threshold of GOL, scores that start at 1e-3."""

_base_ = './gol-eql.py'
method = dict(prior_prob=1e-3)
