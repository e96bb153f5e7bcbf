"""EQL with the Gumbel activation and the normalized classifier, as in the GOL repository."""

_base_ = './gol-eql-gumbel.py'
method = dict(
    # the original says -2, and its NormedLinear overwrites that with 0 while it initializes itself
    cls_bias=0.0,
    cls_predictor_cfg=dict(type='NormedLinear', temperature=5),
)
