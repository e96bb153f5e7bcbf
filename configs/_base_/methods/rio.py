"""RIO: cosine classifier, and replay of the last stored RoI features of rare classes (Chang et al., ICML 2021)."""

method = dict(
    type='RIOBBoxHead',
    bank=dict(capacity=60),
    replay_per_class=20,
    cls_predictor_cfg=dict(type='CosineLinear', temperature=48.0),
)
