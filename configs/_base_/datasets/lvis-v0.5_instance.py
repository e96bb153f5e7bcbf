"""LVIS v0.5 on the images of COCO 2017, multi-scale training, every image once an epoch."""

_base_ = './lvis-v1_instance.py'

num_classes = 1230
data_root = 'data/lvis_v0.5/'

train_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='annotations/lvis_v0.5_train.json', data_prefix=dict(img='train2017/'))
)
val_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='annotations/lvis_v0.5_val.json', data_prefix=dict(img='val2017/'))
)
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=data_root + 'annotations/lvis_v0.5_val.json')
test_evaluator = val_evaluator
