"""GAP beside softmax cross entropy (ROG, Zhang et al., ICCV 2023)."""

method = dict(type='LongTailBBoxHead', loss_cls=dict(type='GAP', base=dict(type='CrossEntropyLoss'), lambda_=0.1))
