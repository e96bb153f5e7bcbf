"""ECM with the normalized classifier at temperature 20 (Cho and Krähenbühl, ECCV 2022)."""

method = dict(type='LongTailBBoxHead', cls_predictor_cfg=dict(type='NormedLinear'), loss_cls=dict(type='ECMLoss'))
