"""Open Images challenge 2019, 500 classes, converted to a COCO file of boxes; one scale, no frequency groups."""

_base_ = './lvis-v0.5_detection.py'

num_classes = 500
data_root = 'data/openimages/'

# the one resize of the test pipeline in place of the random one
train_pipeline = [_base_.test_pipeline[1] if t.type == 'RandomChoiceResize' else t for t in _base_.train_pipeline]
train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        ann_file='annotations/challenge_2019_train.json',
        data_prefix=dict(img='train/'),
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        data_root=data_root, ann_file='annotations/challenge_2019_validation.json', data_prefix=dict(img='validation/')
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=data_root + 'annotations/challenge_2019_validation.json')
test_evaluator = val_evaluator
